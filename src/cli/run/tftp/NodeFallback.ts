/** The fallback server of `tftp serve`. */
import * as Fs from "node:fs"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fallback from "../../../tftp/fallback/Fallback.ts"
import * as NodeFallbackCache from "../../../tftp/fallback/NodeFallbackCache.ts"
import * as NodeFallbackHttpClient from "../../../tftp/fallback/NodeFallbackHttpClient.ts"
import * as FileStore from "../../../tftp/store/FileStore.ts"
import * as NodeFileCalls from "../../../tftp/store/NodeFileCalls.ts"
import type * as Store from "../../../tftp/store/Store.ts"
import { UsageError } from "../../common/CliErrors.ts"
import { CannotServe } from "../common/serverMessages.ts"

/** Values of the flags of a fallback server. */
export interface Input {
  readonly root: string
  readonly uploadRoot?: string | undefined
  readonly fallback: string | undefined
  readonly fallbackCache: string | undefined
  readonly fallbackCacheSize: number | undefined
  readonly fallbackTtl: Duration.Duration | undefined
  readonly fallbackTimeout: Duration.Duration | undefined
  readonly fallbackMaxFileSize: number | undefined
  readonly fallbackMaxFetches: number | undefined
}

/** Opens the cache. It must not be in a folder that is served: clients could name its files. */
const openCache = Effect.fnUntraced(function* (folder: string, { fallbackCacheSize, root, uploadRoot = root }: Input) {
  const cache = yield* NodeFallbackCache.make({ folder, maxBytes: fallbackCacheSize }).pipe(
    Effect.mapError(({ message }) => new CannotServe({ message: `tftp: --fallback-cache ${message}` }))
  )
  const path = Fs.realpathSync(folder)
  if ([root, uploadRoot].some((served) => NodeFileCalls.isInside(Fs.realpathSync(served), path))) {
    const message = `--fallback-cache ${folder} is inside of a folder that is served; name another folder`
    return yield* new UsageError({ message })
  }
  return cache
})

/** Adds the files of the fallback server to a store, until the scope closes. */
export const wrap = Effect.fnUntraced(function* (store: Store.Store, input: Input) {
  const { fallback: url, fallbackCache: folder, fallbackTimeout: timeout } = input
  if (url === undefined) {
    if (folder === undefined) return store
    return yield* new UsageError({ message: "--fallback-cache needs --fallback: name the server of the files, too" })
  }
  const fallback = yield* Fallback.make({
    url,
    cache: folder === undefined ? undefined : yield* openCache(folder, input),
    ttl: input.fallbackTtl,
    connectTimeout: timeout,
    idleTimeout: timeout,
    maxFileBytes: input.fallbackMaxFileSize,
    maxFetches: input.fallbackMaxFetches
  }).pipe(
    Effect.catchTag("FallbackUrlError", ({ message }) => new UsageError({ message: `--fallback: ${message}` })),
    Effect.provide(NodeFallbackHttpClient.layer)
  )
  return FileStore.orElse(store, fallback)
})
