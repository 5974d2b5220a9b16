/** One file that is followed, and what it says: a journal, records of any run, the metrics of a training, findings about data. */
import { sha256 } from '../base/digest.js'
import { decodeUtf8, parseObject } from '../stream/json.js'
import { Course } from './course.js'
import { isJournal, JournalLines } from './journal-lines.js'
import { Learning } from './learning.js'
import { Quality } from './quality.js'
import { MOST_LINE, Tail, type TailListener } from './tail.js'

/** How the place looks from outside. */
export type Place = 'file' | 'training' | 'backtest'

/** What the lines turned out to be; `empty` before the first. */
export type Content = 'empty' | 'journal' | 'records'

/** A training, as its folder and the registry know it. */
export interface TrainingFacts {
  readonly run: string
  /** `running`, `ended`, `early-stop`, `stopped`, `diverged`, `unfinished`. */
  readonly state: string
  /** Null where nothing says it. */
  readonly totalSteps: number | null
  readonly started: string
}

export interface SourceOptions {
  /** The file. */
  readonly path: string
  /** As people know it. */
  readonly name: string
  readonly place: Place
  /** It was named, and not found in a folder. */
  readonly isNamed: boolean
}

/** Whether it is a file that was named and is not there yet. */
export const isAwaited = ({ tail, options, training }: Source): boolean =>
  options.isNamed && tail.state === 'absent' && training === null

/** Nothing of it is written. */
export class Source implements TailListener {
  readonly id: string
  readonly options: SourceOptions
  readonly tail: Tail
  readonly course = new Course()
  readonly learning = new Learning()
  readonly quality = new Quality()
  training: TrainingFacts | null = null
  /** The process that wrote the file is gone, and has not let go of its lock: it was killed. */
  isDeserted = false
  lines = 0
  /** Lines that are nothing that can be read, and words about the first of them. */
  damaged = 0
  damage = ''
  /** How often the file began anew. */
  generation = 0
  /** Something was told since this was last set to false. */
  isChanged = true
  #content: Content = 'empty'
  #journal: JournalLines | null = null

  constructor(options: SourceOptions, mostLine = MOST_LINE) {
    this.options = options
    this.id = sha256(options.path).slice(0, 12)
    this.tail = new Tail(options.path, this, mostLine)
  }

  get content(): Content {
    return this.#content
  }

  /** Name of the run that it is of; else that of the place. */
  get name(): string {
    return this.course.run || this.learning.run || this.training?.run || this.options.name
  }

  scan(bytes: Buffer, from: number): number {
    const end = this.#content === 'records' ? this.course.scan(bytes, from) : -1
    if (end < 0) return -1
    this.isChanged = true
    this.lines++
    return end
  }

  line(bytes: Buffer, from: number, to: number): void {
    this.isChanged = true
    this.lines++
    if (from === to) return
    const text = decodeUtf8(bytes.subarray(from, to))
    const wrong = text === null ? `line ${this.lines}: is not UTF-8` : this.#take(text)
    if (wrong !== null) this.#damage(wrong)
  }

  /** In words, what is wrong with a line. */
  #take(text: string): string | null {
    if (this.#content === 'empty') {
      this.#content = isJournal(text) ? 'journal' : 'records'
      if (this.#content === 'journal') this.#journal = new JournalLines(this.course, this.options.path)
    }
    if (this.#journal !== null) return this.#journal.take(text)
    const parsed = parseObject(text)
    if ('error' in parsed) return `line ${this.lines}: ${parsed.error}`
    const { object } = parsed
    if (!this.course.take(object) && !this.learning.take(object)) this.quality.take(object)
    return null
  }

  tooLong(): void {
    this.lines++
    this.isChanged = true
    this.#damage(`line ${this.lines}: is longer than a line may be`)
  }

  restarted(): void {
    this.isChanged = true
    this.generation++
    this.lines = 0
    this.damaged = 0
    this.damage = ''
    this.#content = 'empty'
    this.#journal = null
    this.course.clear()
    this.learning.clear()
    this.quality.clear()
  }

  paused(): void {
    this.course.paused()
    this.#journal?.paused()
  }

  #damage(words: string): void {
    this.damaged++
    if (this.damaged === 1) this.damage = words
  }
}
