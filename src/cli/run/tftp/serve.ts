/** The command `tftp serve`: serves a directory. */
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as NameText from "../../../tftp/protocol/NameText.ts"
import * as NodeTransferThreads from "../../../tftp/server/NodeTransferThreads.ts"
import * as NodeUploadHook from "../../../tftp/server/NodeUploadHook.ts"
import * as FileName from "../../../tftp/store/FileName.ts"
import * as FileStore from "../../../tftp/store/FileStore.ts"
import * as NodeFileStore from "../../../tftp/store/NodeFileStore.ts"
import * as NodeNeighbours from "../../../tftp/store/NodeNeighbours.ts"
import type * as Store from "../../../tftp/store/Store.ts"
import * as TftpServer from "../../../tftp/TftpServer.ts"
import * as TransferSource from "../../../web/sources/TransferSource.ts"
import { UsageError } from "../../common/CliErrors.ts"
import * as runServer from "../common/runServer.ts"
import { CannotServe, explainListenError } from "../common/serverMessages.ts"
import type * as NodeFallback from "./NodeFallback.ts"
import * as rules from "./rules.ts"

/** Flags of uploads that are options of the store. */
type UploadOptions = Pick<
  NodeFileStore.Options,
  "mkdirs" | "permissions" | "replace" | "spool" | "umask" | "uploadRoot"
>

interface Input
  extends Omit<TftpServer.Options, "threads">,
    runServer.Operations,
    UploadOptions,
    NodeFallback.Input,
    UploadHookInput {
  readonly root: string
  readonly host: string
  readonly port: number
  readonly write: Exclude<Store.WriteMode, "none"> | undefined
  readonly threads: number | undefined
  readonly rules: string | undefined
  readonly checkRules: string | undefined
  readonly perClient: "first" | "only" | undefined
  readonly perClientBy: "address" | "mac" | undefined
  readonly ignoreCase: boolean
  readonly followSymlinks: "inside" | "all" | undefined
  readonly listing: string | undefined
  readonly maxFileSize: number | undefined
  readonly quota: number | undefined
  readonly free: number | undefined
  readonly sync: boolean
}

/** Values of the flags of the program that runs after an upload. */
interface UploadHookInput {
  readonly drain?: Duration.Input | undefined
  readonly onUpload: string | undefined
  readonly onUploadMax: number | undefined
  readonly onUploadTimeout: Duration.Duration | undefined
}

/** Keys of the limits, which a running server changes. */
export const limitKeys: ReadonlySet<string> = new Set<keyof TftpServer.Limits>([
  ...(["blksize", "windowsize", "mtu", "refuse", "allow", "deny", "timeout", "retries"] as const),
  ...(["maxTransfers", "maxTransfersPerClient", "deadline", "drain"] as const)
])

/** Opens the store with the privileges that it is used with. */
const open = Effect.fnUntraced(function* (input: Omit<Input, "threads">) {
  const { followSymlinks, free, ignoreCase, listing, maxFileSize, perClient, quota: total } = input
  const { mkdirs, permissions, replace, root, spool, sync, umask, uploadRoot, write = "none" } = input
  const store = yield* NodeFileStore.make({
    ...{ root, write, ignoreCase, followSymlinks, listing, minFreeBytes: free, sync },
    ...{ mkdirs, permissions, replace, spool, umask, uploadRoot },
    quota: { file: maxFileSize, total }
  }).pipe(
    Effect.mapError(({ filename, message }) => {
      const flag = filename === root ? "--root" : "--upload-root"
      return new CannotServe({ message: `tftp: ${flag} ${message}` })
    })
  )
  if (perClient === undefined) return store
  const folder = input.perClientBy === "mac" ? NodeNeighbours.folders() : undefined
  return FileStore.perClient(store, { common: perClient === "first", folder })
})

/** Makes a store whose requests wait for another store. */
const deferredStore = (store: Deferred.Deferred<Store.Store>): Store.Store => ({
  read: (request) => Effect.flatMap(Deferred.await(store), ({ read }) => read(request)),
  write: (request) => Effect.flatMap(Deferred.await(store), ({ write }) => write(request))
})

/** Adds the fallback server to the store; its modules are loaded only for this. */
const withFallback = (store: Store.Store, input: NodeFallback.Input) =>
  input.fallback === undefined && input.fallbackCache === undefined
    ? Effect.succeed(store)
    : Effect.flatMap(
        Effect.promise(() => import("./NodeFallback.ts")),
        ({ wrap }) => wrap(store, input)
      )

/** Renames the requests of a store by the rules of a file, if there is one. */
const withRules = Effect.fnUntraced(function* (
  store: Store.Store,
  path: string | undefined,
  inForce: Deferred.Deferred<rules.InForce>
) {
  if (path === undefined) return store
  const loaded = yield* Effect.mapError(rules.load(path), cannotRead)
  yield* Deferred.succeed(inForce, loaded)
  return FileStore.remap(store, loaded.rules)
})

const cannotRead = (message: string) => new CannotServe({ message: `tftp: --rules ${message}` })

const checkRules = Effect.fnUntraced(function* (path: string, name: string, input: Omit<Input, "threads">) {
  const store = yield* open(input)
  yield* Effect.mapError(rules.check(path, name, store, input.json), cannotRead)
})

const startUploadHook = (
  server: TftpServer.Server,
  { drain, onUpload, onUploadMax, onUploadTimeout }: UploadHookInput
) =>
  onUpload === undefined
    ? Effect.void
    : Effect.mapError(
        NodeUploadHook.make(server, {
          command: onUpload,
          maxProcesses: onUploadMax,
          timeout: onUploadTimeout,
          drain
        }),
        ({ message }) => new CannotServe({ message: `tftp: --on-upload ${message}` })
      )

const startThreads = (count: number) =>
  Effect.mapError(
    NodeTransferThreads.make(count),
    ({ message }) => new CannotServe({ message: `tftp: ${message}; reinstall effect-inet, or serve without --threads` })
  )

export const serve = Effect.fnUntraced(function* ({ threads = 1, ...input }: Input) {
  if (threads > 1 && input.singlePort === true) {
    return yield* new UsageError({
      message: "--threads and --single-port cannot be combined: a thread needs a port for each transfer"
    })
  }
  const { listing, perClient, perClientBy } = input
  if (perClientBy !== undefined && perClient === undefined) {
    return yield* new UsageError({ message: "--per-client-by needs --per-client first or only: add it" })
  }
  if (listing !== undefined && !FileName.isPlain(listing)) {
    return yield* new UsageError({
      message: `invalid --listing ${NameText.quote(listing)}: must be a file name without folders, such as index.txt`
    })
  }
  const conflict = rules.conflict(input.rules, input.checkRules)
  if (conflict !== undefined) return yield* new UsageError({ message: conflict })
  if (input.rules !== undefined && input.checkRules !== undefined) {
    return yield* checkRules(input.rules, input.checkRules, input)
  }
  const store = yield* Deferred.make<Store.Store>()
  const inForce = yield* Deferred.make<rules.InForce>()
  const start = Effect.gen(function* () {
    // The store's resources end after the server, which first waits for transfers.
    const resources = yield* Effect.acquireRelease(Scope.make(), Scope.close)
    const pool = threads > 1 ? yield* startThreads(threads) : undefined
    const server = yield* TftpServer.make({ ...input, annotatesLogs: input.json, threads: pool }).pipe(
      Effect.provideService(FileStore.FileStore, deferredStore(store)),
      Effect.catch(explainListenError("tftp", input.port, "--port", "udp"))
    )
    const page = yield* TransferSource.make(input.service ?? "tftp", server)
    const pageStats = yield* TransferSource.makeStats(server)
    const ownPortClients = Effect.map(server.transfers, (all) =>
      all.flatMap(({ state, transfer }) => (state === "running" ? [transfer.client] : []))
    )
    const reread = Effect.flatMap(Deferred.await(inForce), ({ reread }) => reread)
    const shown = { ownPortClients, page, pageStats }
    return { ...server, ...shown, limitKeys, resources, ...(input.rules === undefined ? {} : { reread }) }
  })
  // No file is opened as root.
  yield* runServer.serve("tftp", input, start, {
    isUdp: true,
    capacity: { clients: input.maxTransfers ?? 1_024, descriptorsEach: input.singlePort === true ? 1 : 3 },
    open: Effect.fnUntraced(function* (server) {
      const local = yield* open(input)
      yield* startUploadHook(server, input)
      const whole = yield* Scope.provide(withFallback(local, input), server.resources)
      yield* Deferred.succeed(store, yield* withRules(whole, input.rules, inForce))
    })
  })
})
