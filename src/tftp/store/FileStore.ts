/**
 * Where the files of TFTP come from and go to: a service, so that a program brings its own (a directory, memory, a
 * database, files made on request), and combinators over such stores.
 */

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Endpoint from "../../network/Endpoint.ts"
import * as FileName from "./FileName.ts"
import { AccessDenied, FileStoreError, NotFound, type Reason } from "./FileStoreError.ts"
import { fromBytes } from "./MemoryStore.ts"
import type { Readable, Request, Store } from "./Store.ts"

/** The store that a server serves. @category services @since 0.1.0 */
export class FileStore extends Context.Service<FileStore, Store>()("effect-inet/tftp/FileStore") {}

/** @category layers @since 0.1.0 */
export const layer = (store: Store): Layer.Layer<FileStore> => Layer.succeed(FileStore, store)

const failed = (request: Request, reason: Reason) =>
  Effect.fail(new FileStoreError({ reason, filename: request.filename }))

/** Goes on with the name as it stands below the root, its parts joined by `/`. */
const withParsedName = <A, R>(
  request: Request,
  go: (name: string) => Effect.Effect<A, FileStoreError, R>
): Effect.Effect<A, FileStoreError, R> =>
  Result.match(FileName.parse(request.filename), {
    onFailure: (reason) => failed(request, reason),
    onSuccess: (parts) => go(parts.join("/"))
  })

/**
 * Asks the second store for what the first does not have. What one store refuses for other reasons stays refused,
 * except that writing passes over a store that is read-only.
 *
 * @category combinators
 * @since 0.1.0
 */
export const orElse = (first: Store, second: Store): Store => {
  const isMissing = ({ reason }: FileStoreError) => reason._tag === "NotFound"
  const isReadOnly = ({ reason }: FileStoreError) => reason._tag === "AccessDenied" && reason.why === "ReadOnly"
  return {
    read: (request) => Effect.catchIf(first.read(request), isMissing, () => second.read(request)),
    write: (request) =>
      Effect.catchIf(
        first.write(request),
        (error) => isMissing(error) || isReadOnly(error),
        () => second.write(request)
      )
  }
}

/** Renames what clients ask for, before a store sees it. @category combinators @since 0.1.0 */
export type Rewrite = ReadonlyArray<FileName.Rule> | ((request: Request, kind: "read" | "write") => string | undefined)

/**
 * A store behind other names. Of rules, the first that matches is applied; a function gets the name with its parts
 * joined by `/` and gives the new one, or undefined to leave it. The store judges the outcome like any other name.
 *
 * @category combinators
 * @since 0.1.0
 */
export const rewrite = (store: Store, how: Rewrite): Store => {
  const change = typeof how === "function" ? how : undefined
  const rules = typeof how === "function" ? [] : how
  const renamed =
    <A>(kind: "read" | "write", go: (request: Request) => Effect.Effect<A, FileStoreError, Scope.Scope>) =>
    (request: Request) =>
      withParsedName(request, (filename) => {
        const plain = { ...request, filename }
        const changed = change === undefined ? FileName.rewrite(rules, filename, kind) : change(plain, kind)
        return go({ ...request, filename: changed ?? filename })
      })
  return { read: renamed("read", store.read), write: renamed("write", store.write) }
}

/** @category models @since 0.1.0 */
export interface PerClientOptions {
  /** A client's folder in the store, undefined for none. Default: `FileName.folderOf`, its address. */
  readonly folder?: ((client: Endpoint.Endpoint) => string | undefined) | undefined
  /**
   * What is not in the client's folder is looked for in the common root, and what cannot be written for want of that
   * folder is written there. Default true. Then a client can still name the folders of others; with false it sees its
   * own only, and nothing if it has none.
   */
  readonly common?: boolean | undefined
}

/**
 * Gives every client a folder of its own in a store, chosen by its address.
 *
 * @category combinators
 * @since 0.1.0
 */
export const perClient = (
  store: Store,
  { common = true, folder = FileName.folderOf }: PerClientOptions = {}
): Store => {
  const inside = (request: Request): Effect.Effect<Request, FileStoreError> =>
    withParsedName(request, (name) => {
      const own = folder(request.client)
      return own === undefined
        ? failed(request, new NotFound())
        : Effect.succeed({ ...request, filename: `${own}/${name}` })
    })
  const own: Store = {
    read: (request) => Effect.flatMap(inside(request), store.read),
    write: (request) => Effect.flatMap(inside(request), store.write)
  }
  return common ? orElse(own, store) : own
}

/** What a virtual file holds: text (sent as UTF-8), bytes, or bytes as they come. @category models @since 0.1.0 */
export type Content = string | Uint8Array | Stream.Stream<Uint8Array, FileStoreError> | Readable

/**
 * What the program makes for a request, undefined where it has nothing of that name. The filename is given with its
 * parts joined by `/`.
 *
 * @category models
 * @since 0.1.0
 */
export type Find = (request: Request) => Effect.Effect<Content | undefined, FileStoreError, Scope.Scope>

const toReadable = (content: Content): Readable => {
  if (typeof content === "string") return fromBytes(new TextEncoder().encode(content))
  if (content instanceof Uint8Array) return fromBytes(content)
  return Stream.isStream(content) ? { size: undefined, body: { _tag: "Stream", stream: content } } : content
}

/**
 * Files that the program makes: a record of them by name, or a function that is asked for each request. They cannot be
 * written; what is not among them is `NotFound`, so `orElse(virtual(files), store)` puts them before another store.
 *
 * @category constructors
 * @since 0.1.0
 */
export const virtual = (files: Readonly<Record<string, Content>> | Find): Store => {
  const find: Find =
    typeof files === "function"
      ? files
      : ({ filename }) => Effect.succeed(Object.hasOwn(files, filename) ? files[filename] : undefined)
  const found = (request: Request) => withParsedName(request, (filename) => find({ ...request, filename }))
  return {
    read: (request) =>
      Effect.flatMap(found(request), (content) =>
        content === undefined ? failed(request, new NotFound()) : Effect.succeed(toReadable(content))
      ),
    write: (request) =>
      Effect.flatMap(Effect.scoped(found(request)), (content) =>
        failed(request, content === undefined ? new NotFound() : new AccessDenied({ why: "Virtual" }))
      )
  }
}
