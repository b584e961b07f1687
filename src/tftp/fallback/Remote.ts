/** The interface of the server behind a fallback: `HttpRemote` and `TftpRemote` implement it. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Reason } from "../store/FileStoreError.ts"

/** The version of a file, as the server named it (RFC 9110, section 8.8). */
export interface Validators {
  readonly etag: string | undefined
  readonly lastModified: string | undefined
}

/** A file of the server. */
export interface RemoteFile {
  readonly _tag: "File"
  /** Bytes of the file; undefined if the server does not announce them. */
  readonly size: number | undefined
  readonly validators: Validators
  /** True if the file may be kept: the server permits it, and an early end of the file would be noticed. */
  readonly mayStore: boolean
  /** True if a kept file must not be used once the server has not confirmed it. */
  readonly mustRevalidate: boolean
  /** The content, to be read once. Fails if the server sends more or fewer bytes, or nothing for too long. */
  readonly stream: Stream.Stream<Uint8Array, Reason>
}

/** The reply of the server; `NotModified` if it still has the version that is known. */
export type Reply = RemoteFile | { readonly _tag: "NotModified" }

/** A server that files are fetched from. */
export interface Remote {
  /** Returns the URL of a file by its path. */
  readonly urlOf: (path: string) => string
  /** Requests a file by its path. Closing the scope ends the transfer. */
  readonly open: (path: string, known: Validators | undefined) => Effect.Effect<Reply, Reason, Scope.Scope>
}

/** The limits of one fetch. */
export interface Limits {
  /** The time until the server replies. */
  readonly connectTimeout: Duration.Duration
  /** The time in which the server must send more bytes, while they are waited for. */
  readonly idleTimeout: Duration.Duration
  readonly maxFileBytes: number
}
