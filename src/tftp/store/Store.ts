/** What a store of files is: the interface that stores implement and servers call. */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Endpoint from "../../network/Endpoint.ts"
import type * as Packet from "../protocol/Packet.ts"
import type { FileStoreError } from "./FileStoreError.ts"

/** What a client asks of a store. @category models @since 0.1.0 */
export interface Request {
  /** As the client wrote it: nothing is checked yet. */
  readonly filename: string
  readonly mode: Packet.Mode
  readonly client: Endpoint.Endpoint
  readonly options: ReadonlyArray<Packet.Option>
  /** Bytes that the client announces to write (tsize, RFC 2349). */
  readonly size: number | undefined
}

/**
 * The bytes of a file: at any position, or once from the first to the last.
 *
 * `readAt` fills `into` from a position, in bytes, and tells how much there was; fewer than asked only at the end.
 *
 * @category models
 * @since 0.1.0
 */
export type Body =
  | {
      readonly _tag: "Random"
      readonly readAt: (position: number, into: Uint8Array) => Effect.Effect<number, FileStoreError>
      /** The same into several places, one after the other, at once: saves a copy of large blocks. */
      readonly readVectoredAt?:
        | ((position: number, into: ReadonlyArray<Uint8Array>) => Effect.Effect<number, FileStoreError>)
        | undefined
    }
  | { readonly _tag: "Stream"; readonly stream: Stream.Stream<Uint8Array, FileStoreError> }

/** A file to read, open as long as its scope. @category models @since 0.1.0 */
export interface Readable {
  /** In bytes; undefined where only reading to the end tells. */
  readonly size: number | undefined
  readonly body: Body
  /** Of an open regular file, which other threads of the process may read by `pread`. */
  readonly descriptor?: number | undefined
  /** Options of the program's own to confirm. */
  readonly options?: ReadonlyArray<Packet.Option> | undefined
}

/** A file being written. Closing its scope without `commit` discards it. @category models @since 0.1.0 */
export interface Writable {
  /** Appends; the bytes are the store's only until it returns. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, FileStoreError>
  /** Everything is visible afterwards, or nothing. */
  readonly commit: Effect.Effect<void, FileStoreError>
  /** Of an open regular file, which other threads of the process may write by `pwrite`. */
  readonly descriptor?: number | undefined
}

/** A store of files. @category models @since 0.1.0 */
export interface Store {
  readonly read: (request: Request) => Effect.Effect<Readable, FileStoreError, Scope.Scope>
  readonly write: (request: Request) => Effect.Effect<Writable, FileStoreError, Scope.Scope>
}

/** What may be written: nothing, new files, or also files that exist. @category models @since 0.1.0 */
export type WriteMode = "none" | "create" | "overwrite"
