"""Loyalty social media (docs/wix-api.md, 2.10): only a signed-in member may call it."""

from wixsandbox.api.call import Operation, member_only

_ROOT = "/loyalty-social-media/v1/followed-channels"
OPERATIONS = (
    Operation("createFollowedChannel", "POST", _ROOT, member_only),
    Operation("listFollowedChannels", "GET", _ROOT, member_only),
)
