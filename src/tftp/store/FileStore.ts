/**
 * The store that a server reads and writes, as a service, and combinators of stores. A program can use a directory,
 * memory, a database, or files generated on request.
 *
 * **Example** (A store of your own: files of a table)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Stream from "effect/Stream"
 * import { NodeServices } from "effect-inet/network"
 * import { FileStore, FileStoreError, MemoryStore, type Store, TftpClient, TftpServer } from "effect-inet/tftp"
 *
 * const table = new Map([["00-0c-29-1a-2b-3c.cfg", "hostname lab1"]])
 *
 * const store: Store.Store = {
 *   read: ({ filename }) => {
 *     const row = table.get(filename)
 *     return row === undefined
 *       ? Effect.fail(new FileStoreError.FileStoreError({ reason: new FileStoreError.NotFound(), filename }))
 *       : Effect.succeed(MemoryStore.fromBytes(new TextEncoder().encode(row)))
 *   },
 *   write: MemoryStore.make({ write: "none" }).write
 * }
 *
 * const program = Effect.gen(function*() {
 *   const { address } = yield* TftpServer.TftpServer
 *   const file = { host: "127.0.0.1", port: address.port, path: "00-0c-29-1a-2b-3c.cfg" }
 *   yield* Stream.mkString(Stream.decodeText(TftpClient.get(file))) // => "hostname lab1"
 * })
 *
 * const server = TftpServer.layer({ port: 0 }).pipe(Layer.provide(FileStore.layer(store)))
 * await Effect.runPromise(program.pipe(Effect.provide(server), Effect.provide(NodeServices.layer)))
 * ```
 */

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Endpoint from "../../network/Endpoint.ts"
import * as RemapRules from "../rules/RemapRules.ts"
import * as FileName from "./FileName.ts"
import { AccessDenied, FileStoreError, NotFound, type Reason, RefusedByRule } from "./FileStoreError.ts"
import { fromBytes } from "./MemoryStore.ts"
import type { Readable, Request, Store } from "./Store.ts"

/** The service of the store that a server reads and writes. @category services @since 0.1.0 */
export class FileStore extends Context.Service<FileStore, Store>()("effect-inet/tftp/FileStore") {}

/** Provides a store. @category layers @since 0.1.0 */
export const layer = (store: Store): Layer.Layer<FileStore> => Layer.succeed(FileStore, store)

const failed = (request: Request, reason: Reason) =>
  Effect.fail(new FileStoreError({ reason, filename: request.filename }))

/** Reasons of a file that the store does not have. */
const missingReasons: ReadonlySet<Reason["_tag"]> = new Set(["NotFound", "FolderNotFound", "TargetNotFound"])

const isMissing = ({ reason }: FileStoreError) => missingReasons.has(reason._tag)

/** Continues with the parsed name, its parts joined by `/`; fails for an invalid name. */
const withParsedName = <A, R>(
  request: Request,
  go: (name: string) => Effect.Effect<A, FileStoreError, R>
): Effect.Effect<A, FileStoreError, R> =>
  Result.match(FileName.parse(request.filename), {
    onFailure: (reason) => failed(request, reason),
    onSuccess: (parts) => go(parts.join("/"))
  })

type Kind = "read" | "write"

/** Opens the files of a store by other names. Errors have the new name: a server logs it beside the requested one. */
const renamed = (
  store: Store,
  nameOf: (request: Request, kind: Kind) => Effect.Effect<string, FileStoreError>
): Store => {
  const open =
    <A>(kind: Kind, go: (request: Request) => Effect.Effect<A, FileStoreError, Scope.Scope>) =>
    (request: Request) =>
      Effect.flatMap(nameOf(request, kind), (filename) => go({ ...request, filename }))
  return { read: open("read", store.read), write: open("write", store.write) }
}

/**
 * Combines two stores: a file that the first does not have is opened in the second. Any other refusal of the first is
 * final, except that a write skips a read-only store. A fallback as the second store takes no part in writes.
 *
 * **Example** (Generated files before those of a store)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { pipe } from "effect/Function"
 * import { FileStore, MemoryStore } from "effect-inet/tftp"
 *
 * const files = MemoryStore.make({ files: new Map([["boot.cfg", new TextEncoder().encode("timeout 5")]]) })
 * const rules = [{ match: /^default$/, replace: "boot.cfg" }]
 * const store = FileStore.orElse(
 *   FileStore.virtual({ motd: "hello" }),
 *   pipe(files, FileStore.rewrite(rules), FileStore.perClient())
 * )
 *
 * const client = { address: "192.0.2.7", port: 2_000 }
 * const request = { mode: "octet", client, options: [], size: undefined } as const
 * const sizeOf = (filename: string) => Effect.map(store.read({ ...request, filename }), ({ size }) => size)
 * await Effect.runPromise(Effect.scoped(sizeOf("motd"))) // => 5
 * await Effect.runPromise(Effect.scoped(sizeOf("default"))) // => 9
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const orElse: {
  (second: Store): (first: Store) => Store
  (first: Store, second: Store): Store
} = dual(2, (first: Store, second: Store): Store => {
  const isReadOnly = ({ reason }: FileStoreError) => reason._tag === "AccessDenied" && reason.why === "ReadOnly"
  const isRemote = ({ reason }: FileStoreError) => reason._tag === "AccessDenied" && reason.why === "Remote"
  return {
    read: (request) => Effect.catchIf(first.read(request), isMissing, () => second.read(request)),
    write: (request) =>
      Effect.catchIf(
        first.write(request),
        (error) => isMissing(error) || isReadOnly(error),
        (error) => Effect.catchIf(second.write(request), isRemote, () => Effect.fail(error))
      )
  }
})

/** The end of a name with a trailing byte 0xff, as text of `NameText`. */
const trailingFf = "\udcff"

/**
 * Opens a file to read without the last byte of its name, if that is 0xff and no file has the name with it. Firmware
 * that takes the boot file name of DHCP (option 67) together with the end of the options (0xff) requests such names.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withoutTrailingFf = (store: Store): Store => ({
  read: (request) => {
    const { filename } = request
    const first = store.read(request)
    if (!filename.endsWith(trailingFf)) return first
    return Effect.catchIf(first, isMissing, (error) =>
      Effect.catchIf(store.read({ ...request, filename: filename.slice(0, -1) }), isMissing, () => Effect.fail(error))
    )
  },
  write: store.write
})

/** Rules or a function that rename requested files. @category combinators @since 0.1.0 */
export type Rewrite = ReadonlyArray<FileName.Rule> | ((request: Request, kind: "read" | "write") => string | undefined)

/**
 * Renames the requested files before the store opens them. The first matching rule is applied. A function receives the
 * name with its parts joined by `/`, and returns the new name, or undefined to keep it. The store checks the new name
 * like any other; its errors have the new name.
 *
 * @category combinators
 * @since 0.1.0
 */
export const rewrite: {
  (how: Rewrite): (store: Store) => Store
  (store: Store, how: Rewrite): Store
} = dual(2, (store: Store, how: Rewrite): Store => {
  const change =
    typeof how === "function" ? how : ({ filename }: Request, kind: Kind) => FileName.rewrite(how, filename, kind)
  return renamed(store, (request, kind) =>
    withParsedName(request, (filename) => Effect.succeed(change({ ...request, filename }, kind) ?? filename))
  )
})

/** Rules, or an effect that returns those in force, such as `Ref.get`. @category models @since 0.1.0 */
export type Remap = RemapRules.Rules | Effect.Effect<RemapRules.Rules>

const refusedByRule = (request: Request, outcome: Exclude<RemapRules.Outcome, { readonly _tag: "Renamed" }>) =>
  failed(
    request,
    outcome._tag === "Refused"
      ? new RefusedByRule({ line: outcome.line, isEndless: false, text: outcome.message })
      : new RefusedByRule({ line: outcome.line, isEndless: true })
  )

/**
 * Renames or refuses requested files by rules with the semantics of tftpd-hpa, before the store opens them. The rules
 * get the name as the client has sent it. The store checks the new name like any other; its errors have the new name.
 *
 * **Example** (A boot loader by another name)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Result from "effect/Result"
 * import { FileStore, MemoryStore, RemapRules } from "effect-inet/tftp"
 *
 * const files = MemoryStore.make({ files: new Map([["efi/grub.cfg", new TextEncoder().encode("timeout 5")]]) })
 * const rules = Result.getOrThrow(RemapRules.parse("re ^grub/ efi/"))
 * const store = FileStore.remap(files, rules)
 *
 * const client = { address: "192.0.2.7", port: 2_000 }
 * const request = { filename: "grub/grub.cfg", mode: "octet", client, options: [], size: undefined } as const
 * const { size } = await Effect.runPromise(Effect.scoped(store.read(request)))
 * size // => 9
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const remap: {
  (rules: Remap): (store: Store) => Store
  (store: Store, rules: Remap): Store
} = dual(2, (store: Store, rules: Remap): Store => {
  const current = Effect.isEffect(rules) ? rules : Effect.succeed(rules)
  return renamed(store, (request, kind) =>
    Effect.flatMap(current, (rules) => {
      const { client, filename } = request
      const { outcome } = RemapRules.apply(rules, { name: filename, kind, client })
      return outcome._tag === "Renamed" ? Effect.succeed(outcome.name) : refusedByRule(request, outcome)
    })
  )
})

/** Options of `perClient`. @category models @since 0.1.0 */
export interface PerClientOptions {
  /**
   * Returns a client's folder in the store; undefined for none. It may be an effect, such as a look-up. Default: a
   * folder named after its address. `NodeNeighbours.folders` has those named after MAC addresses.
   */
  readonly folder?: ((client: Endpoint.Endpoint) => string | undefined | Effect.Effect<string | undefined>) | undefined
  /**
   * True to fall back to the common root: for files missing in the client's folder, and for uploads if the folder does
   * not exist. A client can then also name the folders of others. With false it sees only its own folder, and nothing
   * if it has none. Default true.
   */
  readonly common?: boolean | undefined
}

/**
 * Gives each client its own folder in a store, chosen by its address. Errors of the folder have the name in the store.
 *
 * @category combinators
 * @since 0.1.0
 */
export const perClient: {
  (options?: PerClientOptions): (store: Store) => Store
  (store: Store, options?: PerClientOptions): Store
} = dual(
  ([first]) => first !== undefined && "read" in first,
  (store: Store, { common = true, folder = FileName.folderOf }: PerClientOptions = {}): Store => {
    const folderOf = (client: Endpoint.Endpoint) => {
      const found = folder(client)
      return Effect.isEffect(found) ? found : Effect.succeed(found)
    }
    const own = renamed(store, (request) =>
      withParsedName(request, (name) =>
        Effect.flatMap(folderOf(request.client), (own) =>
          own === undefined ? failed(request, new NotFound()) : Effect.succeed(`${own}/${name}`)
        )
      )
    )
    return common ? orElse(own, store) : own
  }
)

/**
 * The content of a virtual file: text (sent as UTF-8), bytes, a stream or an open file.
 *
 * @category models
 * @since 0.1.0
 */
export type Content = string | Uint8Array | Stream.Stream<Uint8Array, FileStoreError> | Readable

/**
 * Generates the content for a request; undefined if the file does not exist. The parts of `filename` are joined by `/`.
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
 * Makes a read-only store of generated files: a record by name, or a function called for each request. Other names are
 * `NotFound`, so `orElse(virtual(files), store)` adds the files to another store.
 *
 * **Example** (A file for each client)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { FileStore } from "effect-inet/tftp"
 *
 * const store = FileStore.virtual(({ client, filename }) =>
 *   Effect.succeed(filename === "startup.cfg" ? `! for ${client.address}` : undefined)
 * )
 *
 * const client = { address: "192.0.2.7", port: 2_000 }
 * const request = { filename: "startup.cfg", mode: "octet", client, options: [], size: undefined } as const
 * const { size } = await Effect.runPromise(Effect.scoped(store.read(request)))
 * size // => 15
 * ```
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
