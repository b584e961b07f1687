/**
 * A store of the files of another server: of HTTP, HTTPS or TFTP. Behind a store of this host it provides the files
 * that are missing there.
 *
 * A file is streamed to the client no faster than the client reads it. With a cache it is kept on the disk, too, and
 * requests of the same file at the same time share one fetch. No request leaves the URL of the folder: a name that
 * would lead out of it is refused, and so is a redirect to another folder or server.
 */

import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as FileName from "../store/FileName.ts"
import { AccessDenied, FileStoreError, type Reason, RemoteFailed } from "../store/FileStoreError.ts"
import type * as Store from "../store/Store.ts"
import type * as TftpClient from "../TftpClient.ts"
import * as CachedRemote from "./CachedRemote.ts"
import type { FallbackCache } from "./FallbackCache.ts"
import * as FallbackUrl from "./FallbackUrl.ts"
import type * as Remote from "./Remote.ts"

/** Options of a fallback: the server, the cache and the limits. @category models @since 0.1.0 */
export interface Options {
  /** The folder of the files: `http://HOST[:PORT]/FOLDER/`, `https://...` or `tftp://...`. */
  readonly url: string
  /** The cache, from `NodeFallbackCache.make`. Default: files are not kept. */
  readonly cache?: FallbackCache | undefined
  /** The time after which a kept file is validated again, by ETag or date (RFC 9110). Default 5 minutes. */
  readonly ttl?: Duration.Input | undefined
  /** The longest wait for the reply to a request, and for a place among the concurrent fetches. Default 10 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /** The longest wait for more bytes of a file. Default 10 seconds. */
  readonly idleTimeout?: Duration.Input | undefined
  /** The longest duration of the fetch of one file. Default 1 day. */
  readonly deadline?: Duration.Input | undefined
  /** The largest file, in bytes. Default 4 GiB. */
  readonly maxFileBytes?: number | undefined
  /** The most concurrent fetches. Default 64. */
  readonly maxFetches?: number | undefined
}

/** The error of an invalid URL. @category errors @since 0.1.0 */
export type FallbackUrlError = FallbackUrl.FallbackUrlError

/** The services that a fallback requires. @category models @since 0.1.0 */
export type Services = HttpClient.HttpClient | TftpClient.Services

const defaults = { maxFileBytes: 4 * 1_024 ** 3, maxFetches: 64 }

/** Makes the remote of a URL; only the module of its protocol is loaded. */
const makeRemote = (
  url: FallbackUrl.FallbackUrl,
  limits: Remote.Limits
): Effect.Effect<Remote.Remote, never, Services> =>
  url._tag === "Http"
    ? Effect.flatMap(
        Effect.promise(() => import("./HttpRemote.ts")),
        ({ make }) => make(url, limits)
      )
    : Effect.flatMap(
        Effect.promise(() => import("./TftpRemote.ts")),
        ({ make }) => make(url, limits)
      )

/** Limits the number of concurrent fetches of a remote. */
const withMaxFetches = (
  { open, urlOf }: Remote.Remote,
  maxFetches: number,
  { connectTimeout }: Remote.Limits
): Remote.Remote => {
  const places = Semaphore.makeUnsafe(maxFetches)
  const full = (path: string) =>
    new RemoteFailed({ url: urlOf(path), why: `too many concurrent fetches (limit ${maxFetches}); raise the limit` })
  return {
    urlOf,
    open: (path, known) =>
      Semaphore.takeScoped(places, 1).pipe(
        Effect.timeoutOrElse({ duration: connectTimeout, orElse: () => Effect.fail(full(path)) }),
        Effect.andThen(open(path, known))
      )
  }
}

/** Makes the function that opens a file for one request, without a cache. */
const readDirectly =
  ({ open }: Remote.Remote) =>
  (path: string): Effect.Effect<Store.Readable, Reason, Scope.Scope> =>
    Effect.flatMap(open(path, undefined), (reply) =>
      reply._tag === "File" ? Effect.succeed(CachedRemote.toReadable(reply.size, reply.stream)) : Effect.die(reply)
    )

const pathOf = (filename: string): Result.Result<string, Reason> =>
  Result.flatMap(FileName.parse(filename), (parts): Result.Result<string, Reason> => {
    const path = FallbackUrl.pathOf(parts)
    return path === undefined ? Result.fail(new AccessDenied({ why: "Outside" })) : Result.succeed(path)
  })

/**
 * Makes a read-only store of the files of another server. Files that this server does not have, and files that are
 * larger than the limit or than announced, fail as those of any store; a server that ends a file early makes the
 * transfer fail, and nothing is kept. Fails if the URL is not one of a folder.
 *
 * The `HttpClient` must not follow redirects by itself: use `NodeFallbackHttpClient`.
 *
 * **Example** (Files of another TFTP server)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Stream from "effect/Stream"
 * import { NodeServices } from "effect-inet/network"
 * import { Fallback, FileStore, MemoryStore, NodeFallbackHttpClient, TftpClient, TftpServer } from "effect-inet/tftp"
 *
 * const files = (name: string) => MemoryStore.make({ files: new Map([[name, new TextEncoder().encode(name)]]) })
 *
 * const program = Effect.gen(function*() {
 *   const store = files("boot/vmlinuz")
 *   const upstream = yield* TftpServer.make({ port: 0 }).pipe(Effect.provideService(FileStore.FileStore, store))
 *   const url = `tftp://127.0.0.1:${upstream.address.port}/boot/`
 *   const both = FileStore.orElse(files("local"), yield* Fallback.make({ url }))
 *   const { address } = yield* TftpServer.make({ port: 0 }).pipe(Effect.provideService(FileStore.FileStore, both))
 *   const read = (path: string) => Stream.mkString(Stream.decodeText(
 *     TftpClient.get({ host: "127.0.0.1", port: address.port, path })
 *   ))
 *   yield* read("local") // => "local"
 *   yield* read("vmlinuz") // => "boot/vmlinuz"
 * })
 *
 * const services = Layer.merge(NodeServices.layer, NodeFallbackHttpClient.layer)
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(services)))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Store.Store, FallbackUrlError, Services | Scope.Scope> {
  const { cache, maxFetches = defaults.maxFetches } = options
  const url = yield* Effect.fromResult(FallbackUrl.parse(options.url))
  const limits: Remote.Limits = {
    connectTimeout: Duration.fromInputUnsafe(options.connectTimeout ?? "10 seconds"),
    idleTimeout: Duration.fromInputUnsafe(options.idleTimeout ?? "10 seconds"),
    maxFileBytes: options.maxFileBytes ?? defaults.maxFileBytes
  }
  const remote = withMaxFetches(yield* makeRemote(url, limits), maxFetches, limits)
  const readPath =
    cache === undefined
      ? readDirectly(remote)
      : yield* CachedRemote.make({
          remote,
          cache,
          ttl: Duration.fromInputUnsafe(options.ttl ?? "5 minutes"),
          deadline: Duration.fromInputUnsafe(options.deadline ?? "1 day")
        })
  return {
    read: ({ filename }) =>
      Effect.mapError(
        Effect.flatMap(Effect.fromResult(pathOf(filename)), readPath),
        (reason) => new FileStoreError({ reason, filename })
      ),
    write: ({ filename }) => Effect.fail(new FileStoreError({ reason: new AccessDenied({ why: "Remote" }), filename }))
  }
})
