"""What meetings of the quarter's table leave behind: figures, sections, the page as a whole, and closing it."""
