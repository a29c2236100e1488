from tests.shop import shop, small_shop

__all__ = ["shop", "small_shop"]
