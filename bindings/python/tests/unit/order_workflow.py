"""The workflow that tests of workflows share: orders from their items to the parcel, as typed functions."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import enum
from typing import Any, TypedDict

import pydantic

from tasker_core import StepContext, Workflow, result
from tasker_core.errors import PermanentError


@dataclasses.dataclass
class Item:
    sku: str
    cents: int


@dataclasses.dataclass
class Cart:
    items: list[Item]
    total: int


class Payment(pydantic.BaseModel):
    id: str
    at: datetime.datetime


class Method(enum.Enum):
    CARD = "card"


class Address(TypedDict):
    street: str


orders = Workflow("order_processing", namespace="ecommerce", version="2.0.0", description="Sells things")


@orders.step(timeout="5s", config={"limit": 3})
def validate_cart(items: list[Item]) -> Cart:
    """Check the items
    and add them up.

    More that nobody needs to know.
    """
    if not items:
        raise PermanentError("the cart is empty", code="EMPTY")
    return Cart(items, sum(item.cents for item in items))


@orders.step(retries=3, timeout=30, backoff="linear", backoff_base="500ms", max_backoff="1m", publishes=["order.paid"])
async def charge(context: StepContext, cart: Cart = result(validate_cart), method: Method = Method.CARD) -> Payment:
    assert isinstance(cart, Cart)
    assert method is Method.CARD
    await asyncio.sleep(0)
    return Payment(id=f"{cart.total} {context.idempotency_key[:8]}", at=datetime.datetime(2026, 1, 31))


@orders.step
def reserve(cart: Cart = result(validate_cart)) -> None: ...


@orders.step(name="ship_order", after=[reserve], retries=0)
def ship(address: Address, note: str | None, payment: Payment = result(charge)) -> dict[str, Any]:
    return {"to": address["street"], "paid": payment.id, "note": note, "year": payment.at.year}


ITEMS = [{"sku": "a", "cents": 300}, {"sku": "b", "cents": 200}]
