/** The entries of a cache and the bytes that they use, with the least recently used ones first. */
import type * as Remote from "./Remote.ts"

/** A file in the cache. */
export interface Entry extends Remote.Validators {
  /** The URL of the file, which identifies the entry. */
  readonly url: string
  /** The name of the file with the content, in the folder of the cache. */
  readonly file: string
  readonly bytes: number
  /** The time at which the server last confirmed the content, in milliseconds since 1970. */
  readonly validatedAtMillis: number
  /** True if the content must not be used once the server has not confirmed it. */
  readonly mustRevalidate: boolean
}

/** The room in the cache for a file that is being fetched. */
export interface Reservation {
  /** Reserves more bytes. Returns the entries removed for them; undefined if there is not enough room. */
  readonly grow: (bytes: number) => ReadonlyArray<Entry> | undefined
  /** Ends the reservation. With an entry, the file is now in the cache; returns the entry that it replaces. */
  readonly end: (entry?: Entry) => Entry | undefined
}

/** The entries of a cache with a limit on their bytes. */
export interface CacheIndex {
  /** Returns the entry of a URL. */
  readonly find: (url: string) => Entry | undefined
  /** Marks the entry of a URL as the most recently used one. */
  readonly use: (url: string) => void
  /** Adds or replaces an entry as the most recently used one. */
  readonly put: (entry: Entry) => void
  /** Removes the entry of a URL, and returns it. */
  readonly remove: (url: string) => Entry | undefined
  /** Starts a reservation of 0 bytes. */
  readonly reserve: () => Reservation
  /** Removes the entries that exceed the limit, and returns them. */
  readonly shrink: () => ReadonlyArray<Entry>
}

/** Makes an empty index. */
export const make = (maxBytes: number): CacheIndex => {
  // A map keeps the order in which its keys were added.
  const entries = new Map<string, Entry>()
  let storedBytes = 0
  let reservedBytes = 0

  const remove = (url: string) => {
    const entry = entries.get(url)
    if (entry === undefined) return undefined
    entries.delete(url)
    storedBytes -= entry.bytes
    return entry
  }
  const put = (entry: Entry) => {
    remove(entry.url)
    entries.set(entry.url, entry)
    storedBytes += entry.bytes
  }
  const makeRoom = (bytes: number): ReadonlyArray<Entry> | undefined => {
    if (reservedBytes + bytes > maxBytes) return undefined
    const removed: Array<Entry> = []
    for (const { url } of entries.values()) {
      if (storedBytes + reservedBytes + bytes <= maxBytes) break
      removed.push(remove(url)!)
    }
    return removed
  }
  return {
    find: (url) => entries.get(url),
    use: (url) => {
      const entry = entries.get(url)
      if (entry !== undefined) put(entry)
    },
    put,
    remove,
    shrink: () => makeRoom(0) ?? [],
    reserve: () => {
      let ownBytes = 0
      return {
        grow: (bytes) => {
          const removed = makeRoom(bytes)
          if (removed !== undefined) {
            reservedBytes += bytes
            ownBytes += bytes
          }
          return removed
        },
        end: (entry) => {
          reservedBytes -= ownBytes
          ownBytes = 0
          if (entry === undefined) return undefined
          const replaced = entries.get(entry.url)
          put(entry)
          return replaced
        }
      }
    }
  }
}
