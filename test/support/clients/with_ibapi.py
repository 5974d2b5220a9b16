"""Connects to a gateway with the official client for Python and does what a trader does; prints what it saw as one JSON object."""

import json
import sys
import threading
import time

from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.execution import ExecutionFilter
from ibapi.order import Order
from ibapi.order_cancel import OrderCancel
from ibapi.wrapper import EWrapper

heard = {}


class Client(EWrapper, EClient):
    def __init__(self):
        EClient.__init__(self, self)


def record(name):
    def method(self, *args):
        heard.setdefault(name, []).append(args)

    return method


for name in [
    "nextValidId", "managedAccounts", "contractDetails", "historicalData", "historicalDataEnd", "realtimeBar",
    "tickPrice", "openOrder", "orderStatus", "execDetails", "commissionReport", "commissionAndFeesReport", "pnl",
    "position", "positionEnd", "error", "completedOrder", "completedOrdersEnd", "accountSummary", "currentTime",
]:
    setattr(Client, name, record(name))


def until(name, isIt=lambda *args: True):
    for _ in range(500):
        for args in heard.get(name, []):
            if isIt(*args):
                return args
        time.sleep(0.01)
    raise TimeoutError(f"{name}: {heard.get('error')}")


client = Client()
client.connect("127.0.0.1", int(sys.argv[1]), 4)
threading.Thread(target=client.run, daemon=True).start()
orderId = until("nextValidId")[0]
account = until("managedAccounts")[0]
seen = {"version": client.serverVersion(), "account": account}

contract = Contract()
contract.symbol, contract.secType, contract.exchange, contract.currency = "NVDA", "STK", "SMART", "USD"
client.reqContractDetails(1, contract)
seen["conId"] = until("contractDetails")[1].contract.conId
client.reqHistoricalData(2, contract, "", "1 D", "1 min", "TRADES", 1, 2, False, [])
until("historicalDataEnd")
seen["history"] = len(heard["historicalData"])
client.reqRealTimeBars(3, contract, 5, "TRADES", True, [])
bar = until("realtimeBar")
seen["bar"] = [bar[1], bar[2], str(bar[6])]
client.reqMktData(4, contract, "", False, False, [])
seen["quote"] = until("tickPrice", lambda reqId, kind, *rest: kind == 4)[2] > 0


def order(action, quantity, kind, ref, price=None):
    made = Order()
    made.action, made.totalQuantity, made.orderType, made.tif = action, quantity, kind, "DAY"
    made.account, made.orderRef = account, ref
    made.eTradeOnly, made.firmQuoteOnly = False, False
    if price is not None:
        made.lmtPrice = price
    return made


client.placeOrder(orderId, contract, order("BUY", 5, "MKT", "api:1"))
execution = until("execDetails")[2]
seen["fill"] = [float(execution.shares), execution.side, execution.orderRef]
until("orderStatus", lambda id, status, *rest: id == orderId and status == "Filled")
report = "commissionAndFeesReport" if hasattr(EWrapper, "commissionAndFeesReport") else "commissionReport"
fees = until(report)[0]
seen["commission"] = getattr(fees, "commissionAndFees", None) or getattr(fees, "commission", None)
client.placeOrder(orderId + 1, contract, order("BUY", 5, "LMT", "api:2", 100.0))
until("orderStatus", lambda id, status, *rest: id == orderId + 1 and status == "Submitted")
client.cancelOrder(orderId + 1, OrderCancel())
until("orderStatus", lambda id, status, *rest: id == orderId + 1 and status == "Cancelled")
client.reqPnL(5, account, "")
seen["pnl"] = abs(until("pnl")[1]) < 1000
client.reqPositions()
until("positionEnd")
seen["position"] = float(heard["position"][0][2])
client.reqCompletedOrders(False)
until("completedOrdersEnd")
seen["completed"] = sorted(args[2].status for args in heard["completedOrder"])
client.reqExecutions(6, ExecutionFilter())
until("execDetails", lambda reqId, *rest: reqId == 6)
seen["errors"] = sorted({args[-3] if len(args) > 4 else args[1] for args in heard["error"]} - {2104, 2106, 2158})
print(json.dumps(seen))
client.disconnect()
