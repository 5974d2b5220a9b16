/** Gauges in the text format of Prometheus, version 0.0.4: no stamps, each name once with its help. */

export type Labels = Readonly<Record<string, string>>
export type Samples = readonly (readonly [Labels, number])[]

/** The text of some gauges, in the order in which they are added. */
export class Gauges {
  readonly #lines: string[] = []

  /** A gauge with all of its samples; one without any is left out. */
  add(name: string, help: string, samples: Samples): void {
    if (samples.length === 0) return
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`)
    for (const [labels, value] of samples) this.#lines.push(`${name}${labelsOf(labels)} ${numberOf(value)}`)
  }

  text(): string {
    return `${this.#lines.join('\n')}\n`
  }
}

const labelsOf = (labels: Labels): string => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${labelValue(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

const labelValue = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')

/** Go's words for what is no number. */
const numberOf = (value: number): string =>
  Number.isFinite(value) ? String(value) : Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
