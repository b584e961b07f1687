/**
 * The binary protocol of the course's prime client and servers: a request is a range, a response the count of its
 * primes.
 *
 * ```
 *             +------+------+------+------+------+------+------+------+
 *   request   | min, little-endian int32  | max, little-endian int32  |    the numbers n with min <= n < max
 *             +------+------+------+------+------+------+------+------+
 *             +------+------+------+------+
 *   response  | count, the same           |
 *             +------+------+------+------+
 * ```
 *
 * Messages have no id, and errors cannot be expressed. The connection ends a session, and responses have the order of
 * the requests. The course's servers count 0 and 1 as primes: they find 664581 below 10^7, where the exact count is
 * 664579.
 */

/** A range: the numbers n with `min <= n < max`. @category models @since 0.1.0 */
export interface Request {
  readonly min: number
  readonly max: number
}

/** The bytes in a request and in a response. @category constants @since 0.1.0 */
export const messageBytes = { request: 8, response: 4 } as const

/** The end of the largest range: 2^31 - 1. @category constants @since 0.1.0 */
export const upperLimit: number = 2 ** 31 - 1

/** Encodes a request: 8 bytes. @category encoding @since 0.1.0 */
export const encodeRequest = ({ max, min }: Request): Uint8Array => {
  const bytes = new Uint8Array(messageBytes.request)
  const view = new DataView(bytes.buffer)
  view.setInt32(0, min, true)
  view.setInt32(4, max, true)
  return bytes
}

/** Encodes a response: 4 bytes. @category encoding @since 0.1.0 */
export const encodeResponse = (count: number): Uint8Array => {
  const bytes = new Uint8Array(messageBytes.response)
  new DataView(bytes.buffer).setInt32(0, count, true)
  return bytes
}

/** An incremental decoder of messages of one size. @category models @since 0.1.0 */
export interface Decoder<A> {
  /** Adds bytes and returns the messages that they complete. */
  readonly push: (bytes: Uint8Array) => ReadonlyArray<A>
}

const fixedSizeDecoder = <A>(size: number, read: (view: DataView, at: number) => A): Decoder<A> => {
  let rest = new Uint8Array(0)
  return {
    push: (bytes) => {
      const all = new Uint8Array(rest.length + bytes.length)
      all.set(rest)
      all.set(bytes, rest.length)
      const count = Math.floor(all.length / size)
      rest = all.slice(count * size)
      const view = new DataView(all.buffer)
      return Array.from({ length: count }, (_, index) => read(view, index * size))
    }
  }
}

/** Makes a decoder of requests. Any eight bytes are a request. @category decoding @since 0.1.0 */
export const requestDecoder = (): Decoder<Request> =>
  fixedSizeDecoder(messageBytes.request, (view, at) => ({
    min: view.getInt32(at, true),
    max: view.getInt32(at + 4, true)
  }))

/** Makes a decoder of responses. @category decoding @since 0.1.0 */
export const responseDecoder = (): Decoder<number> =>
  fixedSizeDecoder(messageBytes.response, (view, at) => view.getInt32(at, true))

/** Counts 0 and 1 in a range: the error of a server of the course. @category getters @since 0.1.0 */
export const overcount = ({ max, min }: Request): number => Math.max(0, Math.min(max, 2) - Math.max(min, 0))

/** Formats a request and its count as the course's server prints them. @category formatting @since 0.1.0 */
export const format = ({ max, min }: Request, count: number): string =>
  `range ${`${min}`.padStart(8)} - ${`${max}`.padStart(8)} : count = ${count}`
