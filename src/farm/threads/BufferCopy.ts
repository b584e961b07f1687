/**
 * Copies of buffers that are then moved to a thread. Structured clone copies a buffer twice, into a message and out of
 * it; such a copy is made once.
 */

/** A value whose buffers are its own, with the buffers to move. */
export interface BufferCopy {
  readonly value: unknown
  readonly transfer: ReadonlyArray<ArrayBuffer>
}

/** Smaller buffers are cheaper to clone. */
const minBytes = 2 ** 14

const isLarge = (value: unknown): value is Uint8Array =>
  value instanceof Uint8Array && value.byteLength >= minBytes && value.buffer instanceof ArrayBuffer

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype

/** Copies a value that is a large `Uint8Array`, or a record with some; another value is returned as it is. */
export const make = (value: unknown): BufferCopy => {
  if (isLarge(value)) {
    const copy = new Uint8Array(value)
    return { value: copy, transfer: [copy.buffer] }
  }
  if (!isRecord(value) || !Object.values(value).some(isLarge)) return { value, transfer: [] }
  const record: Record<string, unknown> = { ...value }
  const transfer: Array<ArrayBuffer> = []
  for (const [key, member] of Object.entries(value)) {
    if (!isLarge(member)) continue
    const copy = new Uint8Array(member)
    record[key] = copy
    transfer.push(copy.buffer)
  }
  return { value: record, transfer }
}
