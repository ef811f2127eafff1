"""The fields of every kind of file, each with the headers that mean it, as `headers.normal` spells them.

From Salesforce (report labels and API names), HubSpot (labels and internal names), Crossbeam, Pipedrive and our own
templates. Of several aliases the first listed wins: an owner's e-mail over their name, a primary company over any.
"""

from collections.abc import Mapping, Sequence

Aliases = Mapping[str, Sequence[str]]


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


_OWNERS = (
    "owneremail", "opportunityowneremail", "dealowneremail", "owner", "opportunityowner", "opportunityownername",
    "opportunityownerfullname", "ownername", "dealowner", "dealownername", "hubspotownerid", "ownerid", "opportunityownerid",
)  # fmt: skip
_STAGES = ("stage", "stagename", "opportunitystage", "dealstage")
_CATEGORIES = (
    "category", "forecastcategory", "forecastcategoryname", "hsmanualforecastcategory", "hsforecastcategory",
    "manualforecastcategory",
)  # fmt: skip
_CLOSE = ("closedate", "opportunityclosedate", "closingdate", "expectedclosedate", "estimatedclosedate", "estclosedate",
          "dealexpectedclosedate")  # fmt: skip
_OPPORTUNITY = ("opportunityid", "opportunityid18", "opportunityid18digit", "opportunityid18digits", "casesafeid",
                "casesafeopportunityid", "opportunityopportunityid")  # fmt: skip

DEALS: Aliases = {
    "crm_id": ("crmid", *_OPPORTUNITY, "recordid", "recordiddeal", "dealid", "hsobjectid", "id"),
    "name": ("name", "opportunityname", "opportunityopportunityname", "dealname", "dealtitle"),
    "account": (
        "account", "accountname", "accountnameaccountname", "associatedcompanyprimary", "associatedcompany",
        "associatedcompanynameprimary", "associatedcompanyname", "associatedcompanynamesprimary", "associatedcompanynames",
        "companyname", "dealorganization", "primaryassociatedcompany", "primarycompany", "organization", "organizationname",
    ),
    "account_id": (
        "accountid", "associatedcompanyidsprimary", "associatedcompanyids", "associatedcompanyidprimary",
        "associatedcompanyid", "companyid", "primaryassociatedcompanyid",
    ),
    "partner": (
        "partner", "partnername", "partneraccount", "partneraccountname", "associatedcompanypartner", "primarypartner",
        "partneraccountaccountname",
    ),
    "partner_role": ("partnerrole",),
    "share": ("share", "partnershare"),
    "owner": _OWNERS,
    "stage": _STAGES,
    "category": _CATEGORIES,
    "amount": ("amount", "opportunityamount", "dealamount", "dealvalue"),
    "currency": (
        "currency", "currencyisocode", "amountcurrency", "opportunitycurrency", "dealcurrency", "dealcurrencycode",
        "dealcurrencyofvalue", "currencycode",
    ),
    "close_date": _CLOSE,
    "created_date": ("createddate", "createdate", "opportunitycreateddate", "createdon", "dealdealcreated", "datecreated"),
    "next_step": ("nextstep", "nextsteps", "hsnextstep", "opportunitynextstep"),
    "attribution": ("attribution", "partnerattribution"),
    "lost_reason": ("lostreason", "lossreason", "closedlostreason", "deallostreason", "reasonlost"),
    "is_deleted": ("isdeleted", "deleted"),
}  # fmt: skip
ACCOUNTS: Aliases = {
    "id": ("id", "accountid", "recordid", "companyid"),
    "name": ("name", "accountname", "companyname"),
    "partner": ("partner", "partnername", "partneraccount", "partneraccountname"),
}
PARTNERS: Aliases = {
    "name": ("name", "partner", "partnername"),
    "tier": ("tier", "partnertier"),
    "archetype": ("archetype", "type", "partnertype"),
    "stage": ("stage", "journeystage"),
    "pm_email": ("pmemail", "pm", "partnermanager", "partnermanageremail"),
    "internal_channel": ("internalchannel", "channel"),
    "joint_channel": ("jointchannel", "sharedchannel"),
}
PEOPLE: Aliases = {
    "name": ("name", "fullname"),
    "email": ("email", "emailaddress"),
    "role": ("role", "roles"),
    "partner": ("partner", "partnername", "company"),
    "slack_id": ("slackid", "slackuserid", "memberid"),
    "time_zone": ("timezone", "zone", "tz"),
    "holidays": ("holidays", "calendar"),
}
TARGETS: Aliases = {
    "account": ("account", "accountname", "companyname", "company", "record", "recordname", "name"),
    "partner": ("partner", "partnername", "partnercompany", "partnerorganization", "partnerorganisation", "partnerorg"),
    "our_status": (
        "ourstatus", "ourpopulations", "ourpopulation", "ourpopulationname", "mypopulations", "mypopulation",
        "yourpopulations", "yourpopulation", "mystatus", "population", "populations",
    ),
    "their_status": (
        "theirstatus", "partnerpopulations", "partnerpopulation", "partnerpopulationname", "partnerstatus",
        "theirpopulations", "theirpopulation", "overlaptype", "populationtype",
    ),
    "our_owner": (
        "ourowner", "accountowneremail", "accountowner", "accountownername", "ouraccountowner", "ouraccountownername",
        "owner", "ownername",
    ),
    "their_owner": (
        "theirowner", "partneraccountowneremail", "partneraccountowner", "partneraccountownername", "theiraccountowner",
        "partnerowner", "partnerrep",
    ),
    "note": ("note", "notes", "comment", "comments", "nextstep"),
}  # fmt: skip
HISTORY: Aliases = {
    "crm_id": (*_OPPORTUNITY, "crmid", "recordid", "recordiddeal", "dealid", "hsobjectid"),
    "at": ("createddate", "laststagechangedate", "lastmodified", "lastmodifieddate", "editdate", "changedate", "systemmodstamp"),
    "stage": ("stagename", "tostage", "newstage", "stage"),
    "category": ("forecastcategory", "forecastcategoryname"),
    "amount": ("amount",),
    "close_date": _CLOSE,
    "is_deleted": ("isdeleted", "deleted"),
}  # fmt: skip

UNUSED = words(
    """
    accountowner accountsource age amountconverted amountconvertedcurrency amountincompanycurrency associatedcontact
    associatedcontactids associatedcontacts billingcountry campaignid contactid createdbyid dealpipeline
    dealprobability dealtype description expectedrevenue fiscal fiscalperiod fiscalquarter fiscalyear forecastamount
    forecastprobability haslineitem hasopenactivity hasoverduetask industry iqscore isclosed isclosedlost
    isclosedwon isprivate issplit iswon lastactivitydate lastamountchangedhistoryid lastclosedatechangedhistoryid
    lastmodifiedbyid lastmodifieddate lastreferenceddate laststagechangedate lastvieweddate leadsource
    opportunitiesamount opportunitiescount opportunityhistorykey overlaptime ownerrole pipeline pricebook2id
    probability pushcount recordtypeid syncedquoteid systemmodstamp type weightedamount
    """
)
"""Headers that CRMs write and that no field of ours needs: left out without a question."""
