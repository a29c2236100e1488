"""Members v1 (docs/wix-api.md, 2.15). ``sorting`` is what other modules call ``sort``."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator
from pydantic import Field as Limited

from wixsandbox import people
from wixsandbox.api.call import Call, Operation, member_only
from wixsandbox.errors import InvalidError, RefusedError
from wixsandbox.events import MEMBER
from wixsandbox.paging import OffsetPaging, Sorting, offset_metadata, sort_records
from wixsandbox.query import Field, Fields, matcher
from wixsandbox.records import Contact, Member, member_document
from wixsandbox.wire import Document, OpenWire, Wire, as_list
from wixsandbox.world import World

Fieldset = Literal["PUBLIC", "EXTENDED", "FULL"]
Fieldsets = Annotated[list[Fieldset], BeforeValidator(as_list), Limited(max_length=3)]
_ID_LIKE = frozenset({"$eq", "$ne", "$in", "$nin", "$hasSome", "$startsWith", "$exists"})


def _sort_only(get: Any, kind: Any) -> Field[Member]:
    return Field(get, kind, filters=False)


FIELDS: Fields[Member] = {
    "id": Field(lambda one: one.id, "id", sorts=False),
    "contactId": Field(lambda one: one.contact_id, "id", sorts=False),
    "loginEmail": Field(lambda one: one.login_email, "text", _ID_LIKE, sorts=False),
    "status": Field(lambda one: one.status, "text", sorts=False),
    "contact.firstName": Field(lambda one: one.contact.get("firstName"), "text"),
    "contact.lastName": Field(lambda one: one.contact.get("lastName"), "text"),
    "profile.nickname": Field(lambda one: one.profile.get("nickname"), "text"),
    "profile.slug": Field(lambda one: one.profile.get("slug"), "text", sorts=False),
    "privacyStatus": Field(lambda one: one.privacy, "text", sorts=False),
    "createdDate": _sort_only(lambda one: one.created, "date"),
    "updatedDate": _sort_only(lambda one: one.updated, "date"),
    "lastLoginDate": _sort_only(lambda one: one.last_login, "date"),
}


class _Shown(Wire):
    fieldsets: Fieldsets = Limited(default_factory=list)


class _List(_Shown):
    paging: OffsetPaging = OffsetPaging()
    sorting: list[Sorting] = Limited(default_factory=list)


class _FreeText(Wire):
    expression: str | None = Limited(default=None, min_length=1, max_length=100)
    fields: list[str] = Limited(default_factory=list, max_length=4)


class _Query(Wire):
    filter: Document | None = None
    paging: OffsetPaging = OffsetPaging()
    sorting: list[Sorting] = Limited(default_factory=list)


class _QueryRequest(_Shown):
    query: _Query = _Query()
    search: _FreeText = _FreeText()


def get_member(world: World, call: Call) -> Document:
    """PUBLIC by default, which hides the address."""
    fieldsets = call.parse_query(_Shown).fieldsets
    return {"member": _render(people.the_member(world, call.path["id"]), fieldsets)}


def list_members(world: World, call: Call) -> Document:
    """All members, a page at a time."""
    wanted = call.parse_query(_List)
    return _page(list(world.members), wanted.sorting, wanted.paging, wanted.fieldsets)


def query_members(world: World, call: Call) -> Document:
    """Members by address, contact, name, status; lags behind writes."""
    wanted = call.parse(_QueryRequest)
    text = (wanted.search.expression or "").casefold()
    found = [
        one
        for one in find_members(world, wanted.query.filter)
        if text in f"{one.login_email} {one.profile}".casefold()
    ]
    return _page(found, wanted.query.sorting, wanted.query.paging, wanted.fieldsets)


class _Person(OpenWire):
    first_name: str | None = None
    last_name: str | None = None


class _Profile(OpenWire):
    nickname: str | None = None
    slug: str | None = None


class _Member(Wire):
    login_email: Annotated[str, Limited(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    contact: _Person = _Person()
    profile: _Profile = _Profile()
    privacy_status: Literal["UNKNOWN", "PRIVATE", "PUBLIC"] = "PRIVATE"


class _MemberRequest(Wire):
    member: _Member


def create_member(world: World, call: Call) -> Document:
    """A member, and its contact where the address has none. The account of that contact shows it."""
    wanted = call.parse(_MemberRequest).member
    if wanted.login_email is None:
        raise InvalidError("member.loginEmail", "must not be empty", "REQUIRED_FIELD")
    _refuse_twin(world, wanted.login_email, None)
    now = world.stamp
    member = Member(
        id=world.new_id("member"),
        contact_id=_contact_for(world, call, wanted).id,
        login_email=wanted.login_email,
        verified=False,
        status="APPROVED",
        privacy=wanted.privacy_status,
        activity="ACTIVE",
        profile={"nickname": wanted.login_email.split("@", maxsplit=1)[0], **wanted.profile.document()},
        contact=wanted.contact.document(),
        created=now,
        updated=now,
        last_login=None,
    )
    world.members.put(member, world.write_visible)
    world.emit_created(MEMBER, member_document(member), call.caller)
    people.link_member(world, member, call.caller)
    return {"member": member_document(member)}


def update_member(world: World, call: Call) -> Document:
    """Partial."""
    member = people.the_member(world, call.path["memberId"])
    wanted = call.parse(_MemberRequest).member
    if wanted.login_email is not None:
        _refuse_twin(world, wanted.login_email, member.id)
    changed = replace(
        member,
        profile={**member.profile, **wanted.profile.document()},
        contact={**member.contact, **wanted.contact.document()},
        login_email=wanted.login_email or member.login_email,
        privacy=wanted.privacy_status if "privacy_status" in wanted.model_fields_set else member.privacy,
    )
    return {"member": member_document(store(world, call, changed))}


def delete_member(world: World, call: Call) -> Document:
    """The contact stays."""
    people.remove_member(world, people.the_member(world, call.path["id"]), call.caller)
    return {}


def approve(world: World, call: Call) -> Document:
    """APPROVED from now on."""
    store(world, call, replace(people.the_member(world, call.path["id"]), status="APPROVED"))
    return {"idToken": ""}


def block(world: World, call: Call) -> Document:
    """BLOCKED from now on."""
    store(world, call, replace(people.the_member(world, call.path["id"]), status="BLOCKED"))
    return {}


def disconnect(world: World, call: Call) -> Document:
    """OFFLINE from now on."""
    store(world, call, replace(people.the_member(world, call.path["id"]), status="OFFLINE"))
    return {}


def mute(world: World, call: Call) -> Document:
    """May not write in the community any more."""
    member = store(world, call, replace(people.the_member(world, call.path["id"]), activity="MUTED"))
    return {"member": member_document(member)}


def unmute(world: World, call: Call) -> Document:
    """May write in the community again."""
    member = store(world, call, replace(people.the_member(world, call.path["id"]), activity="ACTIVE"))
    return {"member": member_document(member)}


class _Slug(Wire):
    slug: str = Limited(min_length=1, max_length=255)


def update_slug(world: World, call: Call) -> Document:
    """A new address of the member's page."""
    member = people.the_member(world, call.path["id"])
    profile = {**member.profile, "slug": call.parse(_Slug).slug}
    return {"member": member_document(store(world, call, replace(member, profile=profile)))}


def delete_addresses(world: World, call: Call) -> Document:
    """The member without postal addresses."""
    return _without(world, call, "addresses")


def delete_emails(world: World, call: Call) -> Document:
    """The member without mail addresses besides the login."""
    return _without(world, call, "emails")


def delete_phones(world: World, call: Call) -> Document:
    """The member without phone numbers."""
    return _without(world, call, "phones")


def _without(world: World, call: Call, part: str) -> Document:
    member = people.the_member(world, call.path["id"])
    contact = {name: value for name, value in member.contact.items() if name != part}
    return {"member": member_document(store(world, call, replace(member, contact=contact)))}


def store(world: World, call: Call, member: Member) -> Member:
    """A changed member, and the event of it."""
    changed = world.members.put(replace(member, updated=world.stamp), world.write_visible)
    world.emit_updated(MEMBER, member_document(changed), call.caller)
    return changed


def find_members(world: World, filter_: Document | None) -> list[Member]:
    """The members that a filter finds, as query sees them."""
    keep = matcher(filter_, FIELDS, logical=True)
    return [one for one in world.members.visible(world.now) if keep(one)]


def _refuse_twin(world: World, email: str, own_id: str | None) -> None:
    other = world.members.find("email", email.casefold())
    if other is not None and other.id != own_id:
        raise RefusedError(409, "ALREADY_EXISTS", "A member with this login email already exists")


def _contact_for(world: World, call: Call, wanted: _Member) -> Contact:
    assert wanted.login_email is not None
    contact = world.contacts.find("email", wanted.login_email.casefold())
    if contact is not None:
        return contact
    name = {"first": wanted.contact.first_name, "last": wanted.contact.last_name}
    info = {
        "name": name,
        "emails": {"items": [{"email": wanted.login_email, "tag": "MAIN", "primary": True}]},
    }
    return people.new_contact(world, people.check_info(world, info), "SITE_MEMBERS", call.caller)


def _render(member: Member, fieldsets: list[Fieldset]) -> Document:
    return member_document(member, public=not {"FULL", "EXTENDED"} & set(fieldsets))


def _page(
    found: list[Member], sorting: list[Sorting], paging: OffsetPaging, fieldsets: list[Fieldset]
) -> Document:
    limit = 100 if paging.limit is None else paging.limit
    if not 1 <= limit <= 100:
        raise InvalidError("query.paging.limit", "must be between 1 and 100", "MAX")
    order = sorting or [Sorting(field_name="createdDate", order="DESC")]
    found = sort_records(found, FIELDS, order, lambda one: one.id)
    page = found[paging.offset : paging.offset + limit]
    return {
        "members": [_render(one, fieldsets) for one in page],
        "metadata": offset_metadata(len(page), paging.offset, len(found)),
    }


_ROOT = "/members/v1/members"
OPERATIONS = (
    Operation("createMember", "POST", _ROOT, create_member),
    Operation("listMembers", "GET", _ROOT, list_members),
    Operation("queryMembers", "POST", f"{_ROOT}/query", query_members),
    Operation("joinCommunity", "POST", f"{_ROOT}/join-community", member_only),
    Operation("leaveCommunity", "POST", f"{_ROOT}/leave-community", member_only),
    Operation("getCurrentMember", "GET", f"{_ROOT}/my", member_only),
    Operation("deleteMyMember", "DELETE", f"{_ROOT}/my", member_only),
    Operation("updateCurrentMemberSlug", "POST", f"{_ROOT}/my/slug", member_only),
    Operation("getMember", "GET", f"{_ROOT}/{{id}}", get_member),
    Operation("updateMember", "PATCH", f"{_ROOT}/{{memberId}}", update_member),
    Operation("deleteMember", "DELETE", f"{_ROOT}/{{id}}", delete_member),
    Operation("deleteMemberAddresses", "DELETE", f"{_ROOT}/{{id}}/addresses", delete_addresses),
    Operation("deleteMemberEmails", "DELETE", f"{_ROOT}/{{id}}/emails", delete_emails),
    Operation("deleteMemberPhones", "DELETE", f"{_ROOT}/{{id}}/phones", delete_phones),
    Operation("approveMember", "POST", f"{_ROOT}/{{id}}/approve", approve),
    Operation("blockMember", "POST", f"{_ROOT}/{{id}}/block", block),
    Operation("disconnectMember", "POST", f"{_ROOT}/{{id}}/disconnect", disconnect),
    Operation("muteMember", "POST", f"{_ROOT}/{{id}}/mute", mute),
    Operation("unmuteMember", "POST", f"{_ROOT}/{{id}}/unmute", unmute),
    Operation("updateMemberSlug", "POST", f"{_ROOT}/{{id}}/slug", update_slug),
)
