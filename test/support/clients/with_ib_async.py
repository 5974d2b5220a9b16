"""Connects to a gateway with ib_async and does what a trader does; prints what it saw as one JSON object."""

import json
import sys

from ib_async import IB, LimitOrder, MarketOrder, Stock

ib = IB()
ib.connect("127.0.0.1", int(sys.argv[1]), clientId=3, timeout=10)
account = ib.managedAccounts()[0]
seen = {"version": ib.client.serverVersion(), "account": account}
contract = Stock("NVDA", "SMART", "USD")
ib.qualifyContracts(contract)
seen["conId"] = contract.conId
history = ib.reqHistoricalData(contract, "", "1 D", "1 min", "TRADES", True, 2)
seen["history"] = [len(history), history[0].open, history[-1].date.isoformat()]


def until(done):
    for _ in range(200):
        if done():
            return
        ib.sleep(0.02)
    raise TimeoutError(json.dumps(seen))


bars = ib.reqRealTimeBars(contract, 5, "TRADES", True)
until(lambda: len(bars) > 1)
seen["bar"] = [bars[0].time.isoformat(), bars[0].open_, bars[0].volume]
ticker = ib.reqMktData(contract)
until(lambda: ticker.last == ticker.last)
seen["spread"] = round(ticker.ask - ticker.bid, 2)
trade = ib.placeOrder(contract, MarketOrder("BUY", 5, account=account, orderRef="py:1", tif="DAY"))
until(lambda: trade.isDone() and trade.fills and trade.fills[0].commissionReport.execId)
fill = trade.fills[0]
seen["fill"] = [trade.orderStatus.status, fill.execution.shares, fill.commissionReport.commission]
limit = LimitOrder("BUY", 5, 100.0, account=account, orderRef="py:2", tif="DAY")
waiting = ib.placeOrder(contract, limit)
until(lambda: waiting.orderStatus.status == "Submitted")
ib.cancelOrder(limit)
until(waiting.isDone)
seen["cancelled"] = waiting.orderStatus.status
pnl = ib.reqPnL(account)
until(lambda: pnl.unrealizedPnL == pnl.unrealizedPnL)
position = ib.positions()[0]
seen["pnl"] = abs(pnl.dailyPnL - pnl.unrealizedPnL) < 0.01
seen["position"] = [position.contract.symbol, position.position]
seen["summary"] = [row.tag for row in ib.accountSummary() if row.tag == "NetLiquidation"]
seen["whatIf"] = ib.whatIfOrder(contract, MarketOrder("SELL", 5, account=account)).commission
seen["completed"] = sorted(trade.orderStatus.status for trade in ib.reqCompletedOrders(False))
seen["executions"] = [fill.execution.execId for fill in ib.reqExecutions()]
print(json.dumps(seen))
ib.disconnect()
