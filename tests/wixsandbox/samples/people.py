"""Members and contacts."""

from tests.wixsandbox.builders import Shop
from tests.wixsandbox.samples.sample import FORBIDDEN, Sample

INFO = {
    "name": {"first": "Ada", "last": "Byron"},
    "emails": {"items": [{"tag": "MAIN", "email": "new@example.com", "primary": True}]},
    "phones": {"items": [{"tag": "MAIN", "phone": "1234"}]},
    "addresses": {"items": [{"tag": "MAIN", "address": {"city": "Paris"}}]},
    "company": "Engines",
    "birthdate": "1815-12-10",
    "labelKeys": {"items": ["vip"]},
    "extendedFields": {"items": {"custom.size": 7}},
}

PERSON = {
    "loginEmail": "new@example.com",
    "contact": {"firstName": "Ada", "lastName": "Byron", "phones": ["1"], "emails": ["x"], "addresses": []},
    "profile": {"nickname": "Ada", "slug": "ada", "title": "Countess"},
    "privacyStatus": "PUBLIC",
}


def samples(shop: Shop) -> dict[str, Sample]:
    return {**_members(shop), **_contacts(shop)}


def _members(shop: Shop) -> dict[str, Sample]:
    member = next(iter(shop.sandbox.world.members))
    one = {"id": member.id}
    same = Sample(path=one, body={})
    by_filter = Sample(body={"filter": {"loginEmail": {"$startsWith": "zz"}}})
    return {
        "createMember": Sample(body={"member": PERSON}),
        "listMembers": Sample(
            query={"paging.limit": "5", "paging.offset": "0", "fieldsets": ["PUBLIC", "FULL"]}
        ),
        "queryMembers": Sample(
            body={
                "query": {
                    "filter": {"profile.slug": {"$in": ["x"]}, "contact.firstName": {"$ne": "x"}},
                    "paging": {"limit": 5, "offset": 0},
                    "sorting": [
                        {"fieldName": "contact.firstName"},
                        {"fieldName": "profile.nickname", "order": "DESC"},
                    ],
                },
                "fieldsets": ["FULL"],
                "search": {"expression": "x", "fields": ["profile.nickname"]},
            }
        ),
        "joinCommunity": FORBIDDEN,
        "leaveCommunity": FORBIDDEN,
        "getCurrentMember": FORBIDDEN,
        "deleteMyMember": FORBIDDEN,
        "updateCurrentMemberSlug": FORBIDDEN,
        "getMember": Sample(path=one, query={"fieldsets": "FULL"}),
        "updateMember": Sample(path={"memberId": member.id}, body={"member": PERSON}),
        "deleteMember": Sample(path=one),
        "deleteMemberAddresses": Sample(path=one),
        "deleteMemberEmails": Sample(path=one),
        "deleteMemberPhones": Sample(path=one),
        "approveMember": same,
        "blockMember": same,
        "disconnectMember": same,
        "muteMember": same,
        "unmuteMember": same,
        "updateMemberSlug": Sample(path=one, body={"slug": "ada"}),
        "bulkDeleteMembers": Sample(body={"memberIds": [member.id]}),
        "bulkDeleteMembersByFilter": by_filter,
        "bulkApproveMembers": by_filter,
        "bulkBlockMembers": by_filter,
    }


def _contacts(shop: Shop) -> dict[str, Sample]:
    world = shop.sandbox.world
    contact, source = [one for one in world.contacts if world.members.find("contactId", one.id) is None][:2]
    merging = {"targetContactRevision": contact.revision, "sourceContactIds": [source.id]}
    found = {"filter": {"id": contact.id}, "search": "a"}
    target = {"targetContactId": contact.id}
    by_mail = {"info.emails.email": {"$in": ["a"]}, "info.labelKeys.items": {"$hasSome": ["vip"]}}
    logical = {"$or": [by_mail, {"$not": {"createdDate": {"$lt": "2026-01-01"}}}], "$and": [by_mail]}
    return {
        "createContact": Sample(body={"info": INFO, "allowDuplicates": True}),
        "listContacts": Sample(
            query={
                "paging.limit": "5",
                "paging.offset": "0",
                "sort.fieldName": "createdDate",
                "sort.order": "ASC",
                "fields": "info.name",
                "fieldsets": "BASIC",
            }
        ),
        "queryContacts": Sample(
            body={
                "query": {
                    "filter": logical,
                    "sort": [{"fieldName": "info.name.last", "order": "DESC"}],
                    "paging": {"limit": 5, "offset": 0},
                    "fields": ["info.name"],
                    "fieldsets": ["BASIC"],
                }
            }
        ),
        "getContact": Sample(path={"id": contact.id}, query={"fields": "info.name", "fieldsets": "BASIC"}),
        "updateContact": Sample(
            path={"contactId": contact.id},
            body={"info": INFO, "revision": contact.revision, "allowDuplicates": True},
        ),
        "deleteContact": Sample(path={"contactId": contact.id}),
        "labelContact": Sample(path={"contactId": contact.id}, body={"labelKeys": ["vip"]}),
        "unlabelContact": Sample(path={"contactId": contact.id}, query={"labelKeys": ["vip", "new"]}),
        "mergeContacts": Sample(path=target, body=merging),
        "previewMergeContacts": Sample(path=target, body=merging),
        "bulkDeleteContacts": Sample(body=found),
        "bulkUpdateContacts": Sample(body={**found, "info": INFO}),
        "bulkLabelAndUnlabelContacts": Sample(
            body={**found, "labelKeysToAdd": ["a"], "labelKeysToRemove": ["b"]}
        ),
        "listFacets": Sample(),
        "queryFacets": Sample(body={"filter": {"id": contact.id}}),
    }
