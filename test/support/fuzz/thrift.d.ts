/** A field of a struct. */
export interface ThriftField {
  id: number
  type: number
  value: ThriftValue
}
export interface ThriftList {
  type: number
  items: ThriftValue[]
  /** What is said of the length, where it is not the true one. */
  size?: number
}
export type ThriftValue = bigint | boolean | Uint8Array | ThriftField[] | ThriftList

export interface ThriftPlace {
  type: number
  value: ThriftValue
  set(next: ThriftValue): void
}

export function decodeThrift(bytes: Uint8Array, at?: number): { value: ThriftField[]; end: number }
export function encodeThrift(fields: ThriftField[]): Uint8Array
export function withFooter(file: Uint8Array, change: (footer: ThriftField[]) => void): Uint8Array
export function places(fields: ThriftField[]): ThriftPlace[]
