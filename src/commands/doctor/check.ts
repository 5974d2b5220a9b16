/** What a check of the machine finds. */
export interface Check {
  readonly name: string
  /** What was found, where all is well or not. */
  readonly detail: string
  /** Null where all is well. */
  readonly problem: string | null
  /** A command that mends it, or shows what is in the way. */
  readonly fix: string | null
}

export const fine = (name: string, detail: string): Check => ({ name, detail, problem: null, fix: null })

export const wrong = (name: string, problem: string, fix: string, detail = ''): Check => ({
  name,
  detail,
  problem,
  fix,
})
