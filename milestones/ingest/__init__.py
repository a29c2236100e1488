"""Webhooks in: signature, envelope, one commit for many, acknowledgement. Nothing here reads Wix."""
