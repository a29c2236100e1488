"""Members: contacts who signed up on the site (docs/wix-api.md, 2.15). Member ids and contact ids differ."""

from milestones.wix.answers import Call
from milestones.wix.fields import Entity, MaybeInstant, MaybeText, State, Text
from milestones.wix.paging import one
from milestones.wix.query import OffsetQuery
from milestones.wix.transport import WixClient

_ROOT = "/members/v1/members"
_GET = Call("GET", _ROOT + "/{id}", reads=True)
_QUERY = Call("POST", _ROOT + "/query", reads=True)


class MemberStatus(State):
    """Whether the member may sign in. A public reading always says UNKNOWN."""

    UNKNOWN = "UNKNOWN"
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    BLOCKED = "BLOCKED"
    OFFLINE = "OFFLINE"


class MemberProfile(Entity):
    """What other members see."""

    nickname: MaybeText = None
    slug: MaybeText = None


class Member(Entity):
    """A member: personal data."""

    id: Text
    contact_id: MaybeText = None
    login_email: MaybeText = None
    status: MemberStatus = MemberStatus.UNKNOWN
    profile: MemberProfile = MemberProfile()
    created_date: MaybeInstant = None
    updated_date: MaybeInstant = None


async def get(client: WixClient, member_id: str) -> Member:
    """The member with address and status, which a public reading would hide. Raises WixNotFoundError."""
    answer = await client.send(_GET, ids={"id": member_id}, params={"fieldsets": ["FULL"]})
    return one(answer, "member", Member, _GET)


query = OffsetQuery(_QUERY, "members", Member, beside={"fieldsets": ["FULL"]})
"""Members by id, contact, login address, status or name. At most 100 a page."""
query_all = query.pages


async def find_by_contact(client: WixClient, contact_id: str) -> Member | None:
    """The member that this contact is, if it is one and it shows yet."""
    page = await query(client, {"contactId": {"$eq": contact_id}}, limit=10)
    return next((member for member in page.items if member.contact_id == contact_id), None)
