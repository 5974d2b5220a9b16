/**
 * The messages of the broker's text protocol, versions 176 to 193: of each its number, its name and its fields in their order.
 * They follow the interface that the broker publishes for its clients. From 201 on numbers are bytes and messages turn binary
 * one by one: this file has none of those.
 */
import { below, between, isOneOf, isSet, type Layout, repeat, since, when } from './layout.js'

export const FIRST_VERSION = 176
export const LAST_VERSION = 193

export interface Described {
  readonly id: number
  readonly name: string
  readonly fields: Layout
}

const CONTRACT =
  'conId symbol secType lastTradeDate strike right multiplier exchange primaryExchange currency localSymbol tradingClass'
const isBag = isOneOf('BAG')
const isPositive = (value: string): boolean => Number(value) > 0 && Number(value) < 1e300
const isTrue = isOneOf('1', 'true')
const isCounted = (value: string): boolean => Number(value) > 0
const isPegBench = isOneOf('PEG BENCH', 'PEGBENCH')
const LEGS = repeat('comboLegs', 'conId ratio action exchange')

/** Kinds of conditions of an order, by number, and what follows each. */
const CONDITION: Layout = [
  'type conjunction',
  when('type', isOneOf('5'), 'secType exchange symbol'),
  when('type', isOneOf('1', '3', '4', '6', '7'), 'isMore value'),
  when('type', isOneOf('1', '6', '7'), 'conId exchange'),
  when('type', isOneOf('1'), 'triggerMethod'),
]

const PLACE_ORDER: Layout = [
  'orderId',
  CONTRACT,
  'secIdType secId action totalQuantity orderType lmtPrice auxPrice tif ocaGroup account openClose origin orderRef transmit',
  'parentId blockOrder sweepToFill displaySize triggerMethod outsideRth hidden',
  when(
    'secType',
    isBag,
    repeat('comboLegs', 'conId ratio action exchange openClose shortSaleSlot designatedLocation exemptCode'),
    repeat('orderComboLegs', 'price'),
    repeat('smartComboRoutingParams', 'tag value'),
  ),
  'sharesAllocation discretionaryAmt goodAfterTime goodTillDate faGroup faMethod faPercentage',
  below(177, 'faProfile'),
  'modelCode shortSaleSlot designatedLocation exemptCode ocaType rule80A settlingFirm allOrNone minQty percentOffset',
  'eTradeOnly firmQuoteOnly nbboPriceCap auctionStrategy startingPrice stockRefPrice delta stockRangeLower stockRangeUpper',
  'overridePercentageConstraints volatility volatilityType deltaNeutralOrderType deltaNeutralAuxPrice',
  when(
    'deltaNeutralOrderType',
    isSet,
    'deltaNeutralConId deltaNeutralSettlingFirm deltaNeutralClearingAccount deltaNeutralClearingIntent',
    'deltaNeutralOpenClose deltaNeutralShortSale deltaNeutralShortSaleSlot deltaNeutralDesignatedLocation',
  ),
  'continuousUpdate referencePriceType trailStopPrice trailingPercent scaleInitLevelSize scaleSubsLevelSize',
  'scalePriceIncrement',
  when(
    'scalePriceIncrement',
    isPositive,
    'scalePriceAdjustValue scalePriceAdjustInterval scaleProfitOffset scaleAutoReset scaleInitPosition scaleInitFillQty',
    'scaleRandomPercent',
  ),
  'scaleTable activeStartTime activeStopTime hedgeType',
  when('hedgeType', isSet, 'hedgeParam'),
  'optOutSmartRouting clearingAccount clearingIntent notHeld deltaNeutral',
  when('deltaNeutral', isTrue, 'underConId underDelta underPrice'),
  'algoStrategy',
  when('algoStrategy', isSet, repeat('algoParams', 'tag value')),
  'algoId whatIf orderMiscOptions solicited randomizeSize randomizePrice',
  when(
    'orderType',
    isPegBench,
    'referenceContractId isPeggedChangeAmountDecrease peggedChangeAmount referenceChangeAmount referenceExchangeId',
  ),
  repeat('conditions', ...CONDITION),
  when('conditions', isCounted, 'conditionsIgnoreRth conditionsCancelOrder'),
  'adjustedOrderType triggerPrice lmtPriceOffset adjustedStopPrice adjustedStopLimitPrice adjustedTrailingAmount',
  'adjustableTrailingUnit extOperator softDollarTierName softDollarTierValue cashQty mifid2DecisionMaker mifid2DecisionAlgo',
  'mifid2ExecutionTrader mifid2ExecutionAlgo dontUseAutoPriceForHedge isOmsContainer discretionaryUpToLimitPrice',
  'usePriceMgmtAlgo duration postToAts autoCancelParent advancedErrorOverride manualOrderTime',
  when('exchange', isOneOf('IBKRATS'), 'minTradeQty'),
  when(
    'orderType',
    isOneOf('PEG BEST', 'PEGBEST'),
    'minCompeteSize competeAgainstBestOffset',
    when('competeAgainstBestOffset', isOneOf('Infinity'), 'midOffsetAtWhole midOffsetAtHalf'),
  ),
  when('orderType', isOneOf('PEG MID', 'PEGMID'), 'midOffsetAtWhole midOffsetAtHalf'),
  since(183, 'customerAccount'),
  since(184, 'professionalCustomer'),
  between(187, 190, 'externalUserId rfqIndicator'),
  since(189, 'includeOvernight'),
  since(192, 'manualOrderIndicator'),
]

/** What clients send. */
const IN: readonly Described[] = [
  {
    id: 1,
    name: 'reqMktData',
    fields: [
      'version reqId',
      CONTRACT,
      when('secType', isBag, LEGS),
      'deltaNeutral',
      when('deltaNeutral', isTrue, 'underConId underDelta underPrice'),
      'genericTicks snapshot regulatorySnapshot options',
    ],
  },
  { id: 2, name: 'cancelMktData', fields: ['version reqId'] },
  { id: 3, name: 'placeOrder', fields: PLACE_ORDER },
  {
    id: 4,
    name: 'cancelOrder',
    fields: [
      below(192, 'version'),
      'orderId manualOrderCancelTime',
      between(187, 190, 'externalUserId externalOrderId rfqIndicator'),
      since(192, 'extOperator manualOrderIndicator'),
    ],
  },
  { id: 5, name: 'reqOpenOrders', fields: ['version'] },
  { id: 6, name: 'reqAccountUpdates', fields: ['version subscribe account'] },
  {
    id: 7,
    name: 'reqExecutions',
    fields: ['version reqId clientId account time symbol secType exchange side'],
  },
  { id: 8, name: 'reqIds', fields: ['version count'] },
  {
    id: 9,
    name: 'reqContractDetails',
    fields: ['version reqId', CONTRACT, 'includeExpired secIdType secId issuerId'],
  },
  { id: 14, name: 'setServerLogLevel', fields: ['version level'] },
  { id: 15, name: 'reqAutoOpenOrders', fields: ['version bind'] },
  { id: 16, name: 'reqAllOpenOrders', fields: ['version'] },
  { id: 17, name: 'reqManagedAccounts', fields: ['version'] },
  {
    id: 20,
    name: 'reqHistoricalData',
    fields: [
      'reqId',
      CONTRACT,
      'includeExpired endDateTime barSize duration useRth whatToShow formatDate',
      when('secType', isBag, LEGS),
      'keepUpToDate options',
    ],
  },
  { id: 25, name: 'cancelHistoricalData', fields: ['version reqId'] },
  { id: 49, name: 'reqCurrentTime', fields: ['version'] },
  {
    id: 50,
    name: 'reqRealTimeBars',
    fields: ['version reqId', CONTRACT, 'barSize whatToShow useRth options'],
  },
  { id: 51, name: 'cancelRealTimeBars', fields: ['version reqId'] },
  {
    id: 58,
    name: 'globalCancel',
    fields: [below(192, 'version'), since(192, 'extOperator manualOrderIndicator')],
  },
  { id: 59, name: 'reqMarketDataType', fields: ['version marketDataType'] },
  { id: 61, name: 'reqPositions', fields: ['version'] },
  { id: 62, name: 'reqAccountSummary', fields: ['version reqId group tags'] },
  { id: 63, name: 'cancelAccountSummary', fields: ['version reqId'] },
  { id: 64, name: 'cancelPositions', fields: ['version'] },
  { id: 71, name: 'startApi', fields: ['version clientId optionalCapabilities'] },
  { id: 74, name: 'reqPositionsMulti', fields: ['version reqId account modelCode'] },
  { id: 75, name: 'cancelPositionsMulti', fields: ['version reqId'] },
  { id: 76, name: 'reqAccountUpdatesMulti', fields: ['version reqId account modelCode ledgerAndNlv'] },
  { id: 77, name: 'cancelAccountUpdatesMulti', fields: ['version reqId'] },
  { id: 80, name: 'reqFamilyCodes', fields: [] },
  { id: 81, name: 'reqMatchingSymbols', fields: ['reqId pattern'] },
  {
    id: 87,
    name: 'reqHeadTimestamp',
    fields: ['reqId', CONTRACT, 'includeExpired useRth whatToShow formatDate'],
  },
  { id: 90, name: 'cancelHeadTimestamp', fields: ['reqId'] },
  { id: 91, name: 'reqMarketRule', fields: ['marketRuleId'] },
  { id: 92, name: 'reqPnl', fields: ['reqId account modelCode'] },
  { id: 93, name: 'cancelPnl', fields: ['reqId'] },
  { id: 94, name: 'reqPnlSingle', fields: ['reqId account modelCode conId'] },
  { id: 95, name: 'cancelPnlSingle', fields: ['reqId'] },
  {
    id: 97,
    name: 'reqTickByTickData',
    fields: ['reqId', CONTRACT, 'tickType numberOfTicks ignoreSize'],
  },
  { id: 98, name: 'cancelTickByTickData', fields: ['reqId'] },
  { id: 99, name: 'reqCompletedOrders', fields: ['apiOnly'] },
  { id: 104, name: 'reqUserInfo', fields: ['reqId'] },
]

/** Messages of clients by their number. */
export const INCOMING: ReadonlyMap<number, Described> = new Map(IN.map((one) => [one.id, one]))

const SENT_CONTRACT =
  'conId symbol secType=STK lastTradeDate strike=0 right multiplier exchange=SMART currency=USD localSymbol tradingClass=NMS'

/** The fields that an open order and a completed one have in common, up to what is different. */
const ORDER_HEAD =
  'action totalQuantity orderType lmtPrice auxPrice tif ocaGroup account openClose origin=0 orderRef'

const OPEN_ORDER: Layout = [
  'orderId',
  SENT_CONTRACT,
  ORDER_HEAD,
  'clientId permId outsideRth=0 hidden=0 discretionaryAmt=0 goodAfterTime sharesAllocation faGroup faMethod faPercentage',
  below(177, 'faProfile'),
  'modelCode goodTillDate rule80A percentOffset settlingFirm shortSaleSlot=0 designatedLocation exemptCode=-1',
  'auctionStrategy=0 startingPrice stockRefPrice delta stockRangeLower stockRangeUpper displaySize blockOrder=0',
  'sweepToFill=0 allOrNone=0 minQty ocaType=3 eTradeOnly=0 firmQuoteOnly=0 nbboPriceCap parentId=0 triggerMethod=0',
  'volatility volatilityType=0 deltaNeutralOrderType=None deltaNeutralAuxPrice deltaNeutralConId=0',
  'deltaNeutralSettlingFirm deltaNeutralClearingAccount deltaNeutralClearingIntent deltaNeutralOpenClose=?',
  'deltaNeutralShortSale=0 deltaNeutralShortSaleSlot=0 deltaNeutralDesignatedLocation continuousUpdate=0',
  'referencePriceType=0 trailStopPrice trailingPercent basisPoints basisPointsType comboLegsDescription comboLegs=0',
  'orderComboLegs=0 smartComboRoutingParams=0 scaleInitLevelSize scaleSubsLevelSize scalePriceIncrement hedgeType',
  'optOutSmartRouting=0 clearingAccount clearingIntent=IB notHeld=0 deltaNeutral=0 algoStrategy solicited=0 whatIf=0',
  'status initMarginBefore maintMarginBefore equityWithLoanBefore initMarginChange maintMarginChange',
  'equityWithLoanChange initMarginAfter maintMarginAfter equityWithLoanAfter commission minCommission maxCommission',
  'commissionCurrency warningText randomizeSize=0 randomizePrice=0 conditions=0 adjustedOrderType=None triggerPrice',
  'trailStopPrice2 lmtPriceOffset adjustedStopPrice adjustedStopLimitPrice adjustedTrailingAmount',
  'adjustableTrailingUnit=0 softDollarTierName softDollarTierValue softDollarTierDisplayName cashQty=0',
  'dontUseAutoPriceForHedge=1 isOmsContainer=0 discretionaryUpToLimitPrice=0 usePriceMgmtAlgo=0 duration postToAts',
  'autoCancelParent=0 minTradeQty minCompeteSize competeAgainstBestOffset midOffsetAtWhole midOffsetAtHalf',
  since(183, 'customerAccount'),
  since(184, 'professionalCustomer=0'),
  since(185, 'bondAccruedInterest'),
  since(189, 'includeOvernight=0'),
  since(193, 'extOperator manualOrderIndicator'),
]

const COMPLETED_ORDER: Layout = [
  SENT_CONTRACT,
  ORDER_HEAD,
  'permId outsideRth=0 hidden=0 discretionaryAmt=0 goodAfterTime faGroup faMethod faPercentage',
  below(177, 'faProfile'),
  'modelCode goodTillDate rule80A percentOffset settlingFirm shortSaleSlot=0 designatedLocation exemptCode=-1',
  'startingPrice stockRefPrice delta stockRangeLower stockRangeUpper displaySize sweepToFill=0 allOrNone=0 minQty',
  'ocaType=3 triggerMethod=0 volatility volatilityType=0 deltaNeutralOrderType=None deltaNeutralAuxPrice',
  'deltaNeutralConId=0 deltaNeutralShortSale=0 deltaNeutralShortSaleSlot=0 deltaNeutralDesignatedLocation',
  'continuousUpdate=0 referencePriceType=0 trailStopPrice trailingPercent comboLegsDescription comboLegs=0',
  'orderComboLegs=0 smartComboRoutingParams=0 scaleInitLevelSize scaleSubsLevelSize scalePriceIncrement hedgeType',
  'clearingAccount clearingIntent=IB notHeld=0 deltaNeutral=0 algoStrategy solicited=0 status randomizeSize=0',
  'randomizePrice=0 conditions=0 trailStopPrice2 lmtPriceOffset cashQty=0 dontUseAutoPriceForHedge=1 isOmsContainer=0',
  'autoCancelDate filledQuantity refFuturesConId=0 autoCancelParent=0 shareholder imbalanceOnly=0',
  'routeMarketableToBbo=0 parentPermId=0 completedTime completedStatus minTradeQty minCompeteSize',
  'competeAgainstBestOffset midOffsetAtWhole midOffsetAtHalf',
  since(183, 'customerAccount'),
  since(184, 'professionalCustomer=0'),
]

const OUT = [
  { id: 1, name: 'tickPrice', fields: ['version=6 reqId tickType price size=0 attributes=0'] },
  { id: 2, name: 'tickSize', fields: ['version=6 reqId tickType size'] },
  {
    id: 3,
    name: 'orderStatus',
    fields: [
      'orderId status filled remaining avgFillPrice permId parentId=0 lastFillPrice clientId whyHeld mktCapPrice=0',
    ],
  },
  {
    id: 4,
    name: 'error',
    fields: ['version=2 id code text rejectJson', since(194, 'time')],
  },
  { id: 5, name: 'openOrder', fields: OPEN_ORDER },
  { id: 6, name: 'accountValue', fields: ['version=2 key value currency account'] },
  {
    id: 7,
    name: 'portfolioValue',
    fields: [
      'version=8 conId symbol secType=STK lastTradeDate strike=0 right=0 multiplier primaryExchange currency=USD localSymbol',
      'tradingClass=NMS position marketPrice marketValue averageCost unrealizedPnl realizedPnl account',
    ],
  },
  { id: 8, name: 'accountTime', fields: ['version=1 time'] },
  { id: 9, name: 'nextValidId', fields: ['version=1 orderId'] },
  {
    id: 10,
    name: 'contractDetails',
    fields: [
      'reqId symbol secType=STK lastTradeDate',
      since(182, 'lastTradeDate2'),
      'strike=0 right exchange=SMART currency=USD localSymbol marketName=NMS tradingClass=NMS conId minTick=0.01 multiplier',
      'orderTypes=DAY,LMT,MKT,MOC,STP validExchanges=SMART,NASDAQ priceMagnifier=1 underConId=0 longName primaryExchange',
      'contractMonth industry category subcategory timeZoneId=US/Eastern tradingHours liquidHours evRule evMultiplier=0',
      'secIds=0 aggGroup=1 underSymbol underSecType marketRuleIds=26,26 realExpirationDate stockType=COMMON minSize=1',
      'sizeIncrement=1 suggestedSizeIncrement=100',
      since(186, 'ineligibilityReasons=0'),
    ],
  },
  {
    id: 11,
    name: 'execDetails',
    fields: [
      'reqId orderId',
      SENT_CONTRACT,
      'execId time account execExchange=ISLAND side shares price permId clientId liquidation=0 cumQty avgPrice orderRef',
      'evRule evMultiplier modelCode lastLiquidity=2',
      since(178, 'pendingPriceRevision=0'),
    ],
  },
  { id: 15, name: 'managedAccounts', fields: ['version=1 accounts'] },
  {
    id: 17,
    name: 'historicalData',
    fields: ['reqId start end', repeat('bars', 'date open high low close volume wap count')],
  },
  { id: 45, name: 'tickGeneric', fields: ['version=6 reqId tickType value'] },
  { id: 46, name: 'tickString', fields: ['version=6 reqId tickType value'] },
  { id: 49, name: 'currentTime', fields: ['version=1 time'] },
  {
    id: 50,
    name: 'realTimeBar',
    fields: ['version=3 reqId time open high low close volume wap count'],
  },
  { id: 52, name: 'contractDetailsEnd', fields: ['version=1 reqId'] },
  { id: 53, name: 'openOrderEnd', fields: ['version=1'] },
  { id: 54, name: 'accountDownloadEnd', fields: ['version=1 account'] },
  { id: 55, name: 'execDetailsEnd', fields: ['version=1 reqId'] },
  { id: 57, name: 'tickSnapshotEnd', fields: ['version=1 reqId'] },
  { id: 58, name: 'marketDataType', fields: ['version=1 reqId marketDataType'] },
  {
    id: 59,
    name: 'commissionReport',
    fields: ['version=1 execId commission currency=USD realizedPnl yield yieldRedemptionDate=0'],
  },
  {
    id: 61,
    name: 'position',
    fields: [
      'version=3 account conId symbol secType=STK lastTradeDate strike=0 right multiplier exchange=NASDAQ currency=USD',
      'localSymbol tradingClass=NMS position avgCost',
    ],
  },
  { id: 62, name: 'positionEnd', fields: ['version=1'] },
  { id: 63, name: 'accountSummary', fields: ['version=1 reqId account tag value currency'] },
  { id: 64, name: 'accountSummaryEnd', fields: ['version=1 reqId'] },
  {
    id: 71,
    name: 'positionMulti',
    fields: [
      'version=1 reqId account conId symbol secType=STK lastTradeDate strike=0 right multiplier exchange=NASDAQ currency=USD',
      'localSymbol tradingClass=NMS position avgCost modelCode',
    ],
  },
  { id: 72, name: 'positionMultiEnd', fields: ['version=1 reqId'] },
  { id: 73, name: 'accountUpdateMulti', fields: ['version=1 reqId account modelCode key value currency'] },
  { id: 74, name: 'accountUpdateMultiEnd', fields: ['version=1 reqId'] },
  { id: 78, name: 'familyCodes', fields: [repeat('codes', 'account code')] },
  {
    id: 79,
    name: 'symbolSamples',
    fields: [
      'reqId',
      repeat(
        'samples',
        'conId symbol secType=STK primaryExchange currency=USD derivatives=0',
        since(176, 'description issuerId'),
      ),
    ],
  },
  { id: 81, name: 'tickReqParams', fields: ['reqId minTick=0.01 bboExchange snapshotPermissions=3'] },
  { id: 88, name: 'headTimestamp', fields: ['reqId time'] },
  {
    id: 90,
    name: 'historicalDataUpdate',
    fields: ['reqId count date open close high low wap volume'],
  },
  { id: 93, name: 'marketRule', fields: ['marketRuleId', repeat('increments', 'lowEdge increment')] },
  { id: 94, name: 'pnl', fields: ['reqId dailyPnl unrealizedPnl realizedPnl'] },
  { id: 95, name: 'pnlSingle', fields: ['reqId position dailyPnl unrealizedPnl realizedPnl value'] },
  { id: 101, name: 'completedOrder', fields: COMPLETED_ORDER },
  { id: 102, name: 'completedOrdersEnd', fields: [] },
  { id: 107, name: 'userInfo', fields: ['reqId whiteBrandingId'] },
] as const satisfies readonly Described[]

export type Outgoing = (typeof OUT)[number]['name']

/** Messages of the gateway by name. */
export const OUTGOING: ReadonlyMap<string, Described> = new Map(OUT.map((one) => [one.name, one]))
