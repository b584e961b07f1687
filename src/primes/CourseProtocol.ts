/**
 * What the course's client and servers say to each other: a range, and how many primes are in it.
 *
 * ```
 *             +------+------+------+------+------+------+------+------+
 *   request   | min, little-endian int32  | max, little-endian int32  |    the numbers n with min <= n < max
 *             +------+------+------+------+------+------+------+------+
 *             +------+------+------+------+
 *   answer    | count, the same           |
 *             +------+------+------+------+
 * ```
 *
 * There is no id, no error and no end but that of the connection; answers come in the order of the requests. The
 * course's servers count 0 and 1 as primes, so that they find 664581 below 10^7, where there are 664579.
 */

/** The numbers n with `min <= n < max`. @category models @since 0.1.0 */
export interface Request {
  readonly min: number
  readonly max: number
}

/** Bytes in a request and in an answer. @category constants @since 0.1.0 */
export const messageBytes = { request: 8, response: 4 } as const

/** The end of the largest range: 2^31 - 1. @category constants @since 0.1.0 */
export const maxBound: number = 2 ** 31 - 1

/** @category encoding @since 0.1.0 */
export const encodeRequest = ({ max, min }: Request): Uint8Array => {
  const bytes = new Uint8Array(messageBytes.request)
  const view = new DataView(bytes.buffer)
  view.setInt32(0, min, true)
  view.setInt32(4, max, true)
  return bytes
}

/** @category encoding @since 0.1.0 */
export const encodeResponse = (count: number): Uint8Array => {
  const bytes = new Uint8Array(messageBytes.response)
  new DataView(bytes.buffer).setInt32(0, count, true)
  return bytes
}

/** What has come, cut into pieces of one size. @category models @since 0.1.0 */
export interface Decoder<A> {
  /** Those that are complete with these bytes. */
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

/** Cuts what a client sends. Any eight bytes are a request. @category decoding @since 0.1.0 */
export const requestDecoder = (): Decoder<Request> =>
  fixedSizeDecoder(messageBytes.request, (view, at) => ({
    min: view.getInt32(at, true),
    max: view.getInt32(at + 4, true)
  }))

/** Cuts what a server sends. @category decoding @since 0.1.0 */
export const responseDecoder = (): Decoder<number> =>
  fixedSizeDecoder(messageBytes.response, (view, at) => view.getInt32(at, true))

/** How many of 0 and 1 are in a range: what the course's servers count too much. @category getters @since 0.1.0 */
export const overcount = ({ max, min }: Request): number => Math.max(0, Math.min(max, 2) - Math.max(min, 0))

/** A request as the course's server prints it. @category formatting @since 0.1.0 */
export const format = ({ max, min }: Request, count: number): string =>
  `range ${`${min}`.padStart(8)} - ${`${max}`.padStart(8)} : count = ${count}`
