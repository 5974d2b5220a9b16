/**
 * `<jules-trades>`: a list of trades that is made once it is looked at: sorted by any column, filtered by symbol, side and text, a
 * page at a time, so that thousands of rows cost what fifty do. Its trades are a JSON block in it, see `Data`.
 */

/** What the block holds. */
interface Data {
  readonly symbols: readonly string[]
  /** Eight a trade, in the order of its entry, see `FIELDS`. */
  readonly trades: readonly (number | null)[]
}

/**
 * Symbol by its number; shares, below zero for a short; seconds from the entry before (of the first: of 1970) to its own; price;
 * seconds held and price at the exit, null where it was held at the end; profit; costs.
 */
const FIELDS = 8
const PAGE = 50

interface Trade {
  readonly symbol: string
  readonly side: string
  readonly shares: number
  readonly entry: number
  readonly entryPrice: number
  readonly exit: number | null
  readonly exitPrice: number | null
  readonly minutes: number | null
  /** Null where its price at the end is not known. */
  readonly pnl: number | null
  readonly costs: number
  /** What stands in its row, in the order of `COLUMNS`. */
  readonly cells: readonly string[]
}

const clock = new Intl.DateTimeFormat('sv-SE', {
  timeZone: 'America/New_York',
  dateStyle: 'short',
  timeStyle: 'medium',
})
const fixed = (value: number, digits: number): string =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
const parts = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 8 })
const dollars = (value: number | null): string => {
  if (value === null) return '-'
  const size = fixed(Math.abs(value), 2)
  return `${value < 0 && size !== '0.00' ? '-' : ''}$${size}`
}
const price = (value: number | null): string =>
  value === null ? '-' : value.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 4 })
const stamp = (time: number | null): string =>
  time === null ? 'still held' : clock.format(time * 1000).replace(/:00$/, '')

const COLUMNS: readonly {
  readonly name: string
  readonly isNumber: boolean
  readonly of: (trade: Omit<Trade, 'cells'>) => number | string | null
  readonly shown: (trade: Omit<Trade, 'cells'>) => string
}[] = [
  { name: 'entry', isNumber: false, of: (trade) => trade.entry, shown: (trade) => stamp(trade.entry) },
  { name: 'symbol', isNumber: false, of: (trade) => trade.symbol, shown: (trade) => trade.symbol },
  { name: 'side', isNumber: false, of: (trade) => trade.side, shown: (trade) => trade.side },
  { name: 'shares', isNumber: true, of: (trade) => trade.shares, shown: (trade) => parts(trade.shares) },
  {
    name: 'entry price',
    isNumber: true,
    of: (trade) => trade.entryPrice,
    shown: (trade) => price(trade.entryPrice),
  },
  { name: 'exit', isNumber: false, of: (trade) => trade.exit, shown: (trade) => stamp(trade.exit) },
  {
    name: 'exit price',
    isNumber: true,
    of: (trade) => trade.exitPrice,
    shown: (trade) => price(trade.exitPrice),
  },
  {
    name: 'minutes',
    isNumber: true,
    of: (trade) => trade.minutes,
    shown: ({ minutes }) => (minutes === null ? '-' : fixed(minutes, Number.isInteger(minutes) ? 0 : 1)),
  },
  { name: 'costs', isNumber: true, of: (trade) => trade.costs, shown: (trade) => dollars(trade.costs) },
  { name: 'net result', isNumber: true, of: (trade) => trade.pnl, shown: (trade) => dollars(trade.pnl) },
]

function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  ...inside: readonly (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  made.append(...inside)
  return made
}

class Trades extends HTMLElement {
  #all: readonly Trade[] = []
  #found: readonly Trade[] = []
  #page = 0
  #column = 0
  #isDown = false
  readonly #heads: HTMLTableCellElement[] = []
  readonly #body = element('tbody')
  readonly #count = element('span')
  readonly #symbol = element('select')
  readonly #side = element('select')
  readonly #text = element('input')
  readonly #before = button('Previous')
  readonly #after = button('Next')
  readonly #seen = new IntersectionObserver(
    (entries) => {
      if (entries.some(({ isIntersecting }) => isIntersecting)) this.#build()
    },
    { rootMargin: '300px' },
  )

  connectedCallback(): void {
    if (this.#heads.length === 0) this.#seen.observe(this)
  }

  disconnectedCallback(): void {
    this.#seen.disconnect()
  }

  #build(): void {
    this.#seen.disconnect()
    const block = this.querySelector('script[type="application/json"]')
    if (block === null) return
    this.#all = tradesOf(JSON.parse(block.textContent ?? '') as Data)
    const label = this.getAttribute('label') ?? 'trades'
    for (const [select, words] of [
      [this.#symbol, ['all symbols', ...new Set(this.#all.map(({ symbol }) => symbol))]],
      [this.#side, ['both sides', 'long', 'short']],
    ] as const) {
      select.append(...words.map((word, k) => option(word, k === 0 ? '' : word)))
      select.addEventListener('change', () => this.#find())
    }
    this.#text.type = 'search'
    this.#text.placeholder = '2025-03, 191.5'
    this.#text.addEventListener('input', () => this.#find())
    const tools = element(
      'div',
      element('label', 'symbol', this.#symbol),
      element('label', 'side', this.#side),
      element('label', 'with the text', this.#text),
    )
    tools.className = 'tools'
    const head = element('tr')
    for (const [k, column] of COLUMNS.entries()) {
      const cell = element('th')
      cell.scope = 'col'
      if (column.isNumber) cell.className = 'n'
      const sort = button(column.name)
      sort.addEventListener('click', () => this.#sort(k))
      cell.append(sort)
      this.#heads.push(cell)
      head.append(cell)
    }
    const box = element('div', element('table', element('thead', head), this.#body))
    box.className = 'scroll'
    box.tabIndex = 0
    box.setAttribute('role', 'group')
    box.setAttribute('aria-label', label)
    this.#before.addEventListener('click', () => this.#turn(-1))
    this.#after.addEventListener('click', () => this.#turn(1))
    this.#count.setAttribute('role', 'status')
    const pages = element('div', this.#before, this.#count, this.#after)
    pages.className = 'pages'
    this.replaceChildren(tools, box, pages)
    this.#find()
  }

  #sort(column: number): void {
    // The largest amounts are what one looks for first.
    this.#isDown = column === this.#column ? !this.#isDown : COLUMNS[column]!.isNumber
    this.#column = column
    this.#find()
  }

  #find(): void {
    const [symbol, side, text] = [this.#symbol.value, this.#side.value, this.#text.value.trim().toLowerCase()]
    const { of } = COLUMNS[this.#column]!
    const way = this.#isDown ? -1 : 1
    this.#found = this.#all
      .filter(
        (trade) =>
          (symbol === '' || trade.symbol === symbol) &&
          (side === '' || trade.side === side) &&
          (text === '' || trade.cells.some((cell) => cell.toLowerCase().includes(text))),
      )
      .sort((a, b) => {
        const [x, y] = [of(a), of(b)]
        // What is not there is last, whichever way.
        if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1
        return x < y ? -way : x > y ? way : 0
      })
    this.#page = 0
    for (const [k, cell] of this.#heads.entries()) {
      const isSorted = k === this.#column
      cell.setAttribute('aria-sort', isSorted ? (this.#isDown ? 'descending' : 'ascending') : 'none')
      cell.firstElementChild!.textContent = `${COLUMNS[k]!.name}${isSorted ? (this.#isDown ? ' \u25be' : ' \u25b4') : ''}`
    }
    this.#show()
  }

  #turn(way: number): void {
    this.#page += way
    this.#show()
    // A button that cannot be pressed any more would lose the focus of the keyboard.
    if (this.#before.disabled) this.#after.focus()
    else if (this.#after.disabled) this.#before.focus()
  }

  #show(): void {
    const from = this.#page * PAGE
    const some = this.#found.slice(from, from + PAGE)
    this.#body.replaceChildren(
      ...some.map(({ cells }) => {
        const row = element('tr')
        for (const [k, text] of cells.entries()) {
          const cell = element(k === 0 ? 'th' : 'td', text)
          if (k === 0) cell.setAttribute('scope', 'row')
          if (COLUMNS[k]!.isNumber) cell.className = 'n'
          row.append(cell)
        }
        return row
      }),
    )
    const total = fixed(this.#found.length, 0)
    this.#count.textContent =
      some.length === 0
        ? 'no trade is like that'
        : `${fixed(from + 1, 0)} to ${fixed(from + some.length, 0)} of ${total}`
    this.#before.disabled = this.#page === 0
    this.#after.disabled = from + PAGE >= this.#found.length
  }
}

function button(text: string): HTMLButtonElement {
  const made = element('button', text)
  made.type = 'button'
  return made
}

function option(text: string, value: string): HTMLOptionElement {
  const made = element('option', text)
  made.value = value
  return made
}

function tradesOf({ symbols, trades }: Data): Trade[] {
  const all: Trade[] = []
  let entry = 0
  for (let at = 0; at < trades.length; at += FIELDS) {
    const [symbol, shares, gap, entryPrice, held, exitPrice, pnl, costs] = trades.slice(at, at + FIELDS)
    entry += gap!
    const trade = {
      ...{ symbol: symbols[symbol!] ?? '', side: shares! < 0 ? 'short' : 'long', shares: Math.abs(shares!) },
      ...{
        entry,
        entryPrice: entryPrice!,
        exit: held === null ? null : entry + held!,
        exitPrice: exitPrice!,
      },
      ...{ minutes: held === null ? null : held! / 60, pnl: pnl ?? null, costs: costs! },
    }
    all.push({ ...trade, cells: COLUMNS.map(({ shown }) => shown(trade)) })
  }
  return all
}

customElements.define('jules-trades', Trades)

export {}
