from pydantic import BaseModel, Field


class Payment(BaseModel):
    method: str = "card"
    token: str | None = None


class OrderRequest(BaseModel):
    customer_id: int
    amount: float = Field(gt=0)
    payment: Payment = Payment()


class ValidatedOrder(BaseModel):
    order_id: str
    total: float
