/** The interface of a cache of fetched files; `NodeFallbackCache` is one on the disk. */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Reason } from "../store/FileStoreError.ts"
import type * as Store from "../store/Store.ts"
import type { Entry } from "./CacheIndex.ts"

/** A file that is being added to a cache. */
export interface Addition {
  /** Appends bytes, for which there may not be enough room. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, Reason>
  /** Reads bytes that were written. Returns their number. */
  readonly readAt: (position: number, into: Uint8Array) => Effect.Effect<number, Reason>
  /** Adds the file under its URL once it is on the disk; it replaces an older one. */
  readonly commit: (entry: Omit<Entry, "bytes" | "file">) => Effect.Effect<void, Reason>
}

/** A cache of files by their URLs, with a limit on its size. @category models @since 0.1.0 */
export interface FallbackCache {
  /** Returns the entry of a URL. */
  readonly find: (url: string) => Entry | undefined
  /**
   * Opens the file of an entry, and marks it as used. If it is no longer whole, removes the entry and fails with
   * `NotFound`.
   */
  readonly open: (entry: Entry) => Effect.Effect<Store.Readable, Reason, Scope.Scope>
  /** Replaces what is known of the file of an entry. */
  readonly update: (entry: Entry) => Effect.Effect<void>
  /** Removes the file of a URL. */
  readonly remove: (url: string) => Effect.Effect<void>
  /**
   * Starts a file of `size` bytes, if known; least recently used files give way. Undefined if there is not enough room.
   * Closing the scope without a commit removes it; until then it can be read.
   */
  readonly add: (url: string, size: number | undefined) => Effect.Effect<Addition | undefined, Reason, Scope.Scope>
}
