/** Where secrets come from, behind one interface: the vault file, or a helper command that reaches any other vault. */
export interface SecretDates {
  readonly created: string | null
  readonly updated: string | null
}

export interface SecretBackend {
  get(name: string): Promise<Buffer>
  /** Those with these names, each of which must be there; without names every one. */
  all(names?: readonly string[]): Promise<Map<string, Buffer>>
  list(): Promise<Map<string, SecretDates>>
  set(name: string, value: Buffer): Promise<void>
  rm(name: string): Promise<void>
}
