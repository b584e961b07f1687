/** The database of a cluster, and the layers of its clients. Loaded only by commands that need them. */
import * as PgClient from "@effect/sql-pg/PgClient"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as SqlClient from "effect/sql/SqlClient"
import type { ClusterError } from "../../../cluster/ClusterError.ts"
import * as JobModules from "../../../cluster/JobModules.ts"
import * as NodeFarmCluster from "../../../cluster/NodeFarmCluster.ts"
import * as SystemErrorText from "../../../network/SystemErrorText.ts"
import * as TerminalText from "../../../network/TerminalText.ts"
import * as PrimeJob from "../../../primes/PrimeJob.ts"
import { CannotCluster, UsageError } from "../../common/CliErrors.ts"
import * as NodeModulePath from "./NodeModulePath.ts"

/** Values of the flags of all processes of a cluster. */
export interface Cluster {
  readonly database: string
  readonly lockExpiration?: Duration.Duration | undefined
}

/** The URL without its password, for messages: also of a text that is not quite a URL. */
const withoutPassword = (text: string) =>
  TerminalText.escape(text)
    .replace(/^((?:\w+:\/\/|(?!\w+:\/\/))[^:@/?#]*):.*@/, "$1@")
    .replace(/([?&]password=)[^&#]*/gi, "$1...")

/** Returns why the database cannot be used: the last cause, such as a refused connection or a wrong password. */
const reasonOf = (error: unknown): string =>
  error instanceof Error && error.cause instanceof Error ? reasonOf(error.cause) : SystemErrorText.format(error)

const parse = (text: string) =>
  Effect.try({
    try: () => {
      const { protocol } = new URL(text)
      if (protocol !== "postgres:" && protocol !== "postgresql:") throw new Error(protocol)
      return text
    },
    catch: () =>
      new UsageError({
        message: `--database ${JSON.stringify(withoutPassword(text))}: not the URL of a database; write postgres://user@host:port/name`
      })
  })

const connection = (url: string) => PgClient.layer({ url: Redacted.make(url), applicationName: "effect-inet farm" })

const ping = (url: string) =>
  Effect.provide(
    Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SELECT 1`),
    connection(url)
  ).pipe(Effect.timeout("10 seconds"))

const spaced = Schedule.spaced("1 second")

/**
 * Connects to the database, and waits for one that does not answer yet: a server for ever, a client for this time. The
 * first failure is logged.
 */
export const open = Effect.fnUntraced(function* (text: string, patience?: Duration.Input) {
  const url = yield* parse(text)
  const isLogged = yield* Ref.make(false)
  const failed = (error: Error) =>
    new CannotCluster({ message: `cannot connect to the database ${withoutPassword(url)}: ${reasonOf(error)}` })
  const logFirst = Effect.fnUntraced(function* (error: Error) {
    if (!(yield* Ref.getAndSet(isLogged, true))) yield* Effect.logWarning(`${failed(error).message}; trying again`)
  })
  const schedule = patience === undefined ? spaced : spaced.pipe(Schedule.upTo({ duration: patience }))
  yield* ping(url).pipe(Effect.tapError(logFirst), Effect.retry(schedule), Effect.mapError(failed))
  return connection(url)
})

/** The time for which a client waits for the database. */
export const clientPatience = "10 seconds"

/** Builds the services of a client, which live as long as the scope. */
export const client = Effect.fnUntraced(function* ({ database, lockExpiration }: Cluster) {
  const connected = yield* open(database, clientPatience)
  return yield* Layer.build(NodeFarmCluster.layerClient({ lockExpiration }).pipe(Layer.provideMerge(connected)))
})

/** Makes the error for a module of `--jobs`, whose detail may end in a fix. */
const cannotLoad = (name: string, detail: string) => {
  const line = detail.replace(/^cannot load the module: /, "").replaceAll(/\s*\n\s*/g, ", ")
  const fix = line.includes("; install ") ? "" : "; give a module that exports a farm `job`"
  return new UsageError({ message: `--jobs: cannot load jobs from ${name}: ${line}${fix}` })
}

/** Loads the modules of `--jobs`. The job of primes is always there. */
export const loadJobs = Effect.fnUntraced(function* (files: string | undefined) {
  const names = files === undefined ? [] : files.split(",").map((name) => name.trim())
  const load = Effect.fnUntraced(function* (name: string) {
    const module = /^[a-z]+:/.test(name) ? name : NodeModulePath.url(name)
    const problem = yield* NodeModulePath.problem(module)
    if (problem !== undefined) return yield* cannotLoad(name, problem)
    return yield* Effect.mapError(JobModules.load(module), ({ message, reason }) =>
      cannotLoad(name, reason._tag === "ModuleLoadFailed" ? reason.detail : message)
    )
  })
  const loaded = yield* Effect.forEach(names, load)
  return [JobModules.entry(PrimeJob.job, PrimeJob.module), ...loaded]
})

/** Makes the error of a cluster that of a command. */
export const explained = <A, R>(self: Effect.Effect<A, ClusterError, R>) =>
  Effect.mapError(self, ({ message, reason }) =>
    reason._tag === "InvalidRun" ? new UsageError({ message }) : new CannotCluster({ message })
  )
