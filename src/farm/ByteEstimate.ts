/** The size of an encoded packet, for the limit of a buffer. */

/** The bytes that a property, an element or a small value is counted with. */
const valueBytes = 8

/** The values in one packet that are looked at. */
const maxValues = 10_000

const ownBytes = (value: unknown): number | undefined => {
  if (typeof value === "string") return value.length
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value.byteLength
  // Shared memory is not copied.
  return typeof value !== "object" || value === null || value instanceof SharedArrayBuffer ? valueBytes : undefined
}

const membersOf = (value: object): Iterable<unknown> => {
  if (value instanceof Map) return [...value].flat()
  if (value instanceof Set || Array.isArray(value)) return value
  return Object.values(value)
}

/** Adds up the bytes of a value and its members. Those that `bytesOf` has no number for are objects with members. */
export const sum = (
  value: unknown,
  bytesOf: (value: unknown) => number | undefined,
  bytesPerObject: number
): number => {
  const known = bytesOf(value)
  if (known !== undefined) return known
  const values: Array<unknown> = [value]
  let bytes = 0
  for (let at = 0; at < values.length && at < maxValues; at++) {
    const own = bytesOf(values[at])
    bytes += own ?? bytesPerObject
    if (own === undefined) for (const member of membersOf(values[at] as object)) values.push(member)
  }
  return bytes
}

/** Returns the bytes of a value: exact for strings of ASCII and for buffers, otherwise an estimate. */
export const estimate = (value: unknown): number => sum(value, ownBytes, valueBytes)
