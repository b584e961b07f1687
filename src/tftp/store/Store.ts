/** The interface of a store of files: stores implement it, and servers call it. */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Endpoint from "../../network/Endpoint.ts"
import type * as Packet from "../protocol/Packet.ts"
import type { FileStoreError } from "./FileStoreError.ts"

/** A request of a client to read or write a file. @category models @since 0.1.0 */
export interface Request {
  /** The name as sent by the client, unchecked. It is text of `NameText`, which has a code for each byte. */
  readonly filename: string
  readonly mode: Packet.Mode
  readonly client: Endpoint.Endpoint
  readonly options: ReadonlyArray<Packet.Option>
  /** The size of an upload in bytes (tsize, RFC 2349); undefined if not announced. */
  readonly size: number | undefined
}

/**
 * The content of a file: `Random` can be read at any position, `Stream` once from start to end.
 *
 * `readAt` fills `into` from a position in bytes, and returns the number of bytes read: fewer than fit only at the end
 * of the file.
 *
 * @category models
 * @since 0.1.0
 */
export type Body =
  | {
      readonly _tag: "Random"
      readonly readAt: (position: number, into: Uint8Array) => Effect.Effect<number, FileStoreError>
      /** Reads into several buffers in order, by one call, as `preadv` does: saves a copy of large blocks. */
      readonly readVectoredAt?:
        | ((position: number, into: ReadonlyArray<Uint8Array>) => Effect.Effect<number, FileStoreError>)
        | undefined
    }
  | { readonly _tag: "Stream"; readonly stream: Stream.Stream<Uint8Array, FileStoreError> }

/** A file opened for reading, until its scope closes. @category models @since 0.1.0 */
export interface Readable {
  /** The size in bytes; undefined if it is known only at the end. Not a byte more is sent; fewer are an error. */
  readonly size: number | undefined
  readonly body: Body
  /**
   * Fails with `Changed` if the file was written to since it was opened. The server runs it before it sends the last
   * block. Default: the content cannot change.
   */
  readonly unchanged?: Effect.Effect<void, FileStoreError> | undefined
  /** The descriptor of an open regular file: other threads of the process may read it by `pread`. */
  readonly descriptor?: number | undefined
  /** The modification time of the file with the descriptor when it was opened, in milliseconds. */
  readonly modifiedAtMillis?: number | undefined
  /** The path that the file has on this host, as text of `NameText`. */
  readonly path?: string | undefined
  /** The name below the root of the store, its parts joined by `/`; not that of the request after rules and links. */
  readonly name?: string | undefined
  /** Options of the program's own, to be added to the OACK. */
  readonly options?: ReadonlyArray<Packet.Option> | undefined
}

/** A file being written; closing its scope without `commit` discards it. @category models @since 0.1.0 */
export interface Writable {
  /** Appends bytes. The caller may reuse their buffer when the effect has completed. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, FileStoreError>
  /** Makes the whole file visible, atomically where the store can. */
  readonly commit: Effect.Effect<void, FileStoreError>
  /** The most bytes that `write` accepts: a transfer that exceeds them fails at once. Default: no limit. */
  readonly maxBytes?: number | undefined
  /** The descriptor of an open regular file: other threads of the process may write it by `pwrite`. */
  readonly descriptor?: number | undefined
  /** The path that the file has on this host once it is committed, as text of `NameText`. */
  readonly path?: string | undefined
  /** The name below the root of the store, as of a `Readable`. */
  readonly name?: string | undefined
}

/** A store of files. @category models @since 0.1.0 */
export interface Store {
  /** Opens a file for reading. */
  readonly read: (request: Request) => Effect.Effect<Readable, FileStoreError, Scope.Scope>
  /** Opens a file for writing. */
  readonly write: (request: Request) => Effect.Effect<Writable, FileStoreError, Scope.Scope>
}

/**
 * The permission to write: none, only over existing files, only new files, or both.
 *
 * @category models
 * @since 0.1.0
 */
export type WriteMode = "none" | "existing" | "create" | "overwrite"
