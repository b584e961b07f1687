/**
 * The processes of a farm on a cluster: hosts of pools, agents and clients. They use TCP and a database, or are all in
 * one process, without a database.
 *
 * The database is that of the `SqlClient`: `PgClient.layer` of `@effect/sql-pg`, straight or behind a pooler in session
 * mode. Ports and database belong on a private network: the cluster neither encrypts nor authenticates.
 */
import * as Os from "node:os"
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import type * as Config from "effect/Config"
import * as MessageStorage from "effect/cluster/MessageStorage"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as RunnerHealth from "effect/cluster/RunnerHealth"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import * as Runners from "effect/cluster/Runners"
import * as Sharding from "effect/cluster/Sharding"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as SocketServer from "effect/socket/SocketServer"
import type * as SqlClient from "effect/sql/SqlClient"
import type { FarmError } from "../farm/FarmError.ts"
import * as NodeThreadWorkers from "../farm/threads/NodeThreadWorkers.ts"
import * as FarmAgent from "./FarmAgent.ts"
import { maxTextBytes } from "./FarmPool.ts"
import * as FarmPoolHost from "./FarmPoolHost.ts"
import * as JobModules from "./JobModules.ts"
import * as RunStore from "./RunStore.ts"
import * as SqlCheckpoint from "./SqlCheckpoint.ts"

/** The options that all processes of a cluster must share. @category models @since 0.1.0 */
export interface ClusterOptions {
  /**
   * The time after which a host that was not heard of has lost its pools. Default 15 seconds: with less, a busy machine
   * loses them without a fault.
   */
  readonly lockExpiration?: Duration.Input | undefined
}

/** The options of a host. @category models @since 0.1.0 */
export interface HostOptions extends ClusterOptions, FarmPoolHost.Options {
  readonly jobs: ReadonlyArray<JobModules.Entry>
  /** The name or address at which other processes reach this host. Default 127.0.0.1. */
  readonly host?: string | undefined
  /** The address to listen on. Default: `host`. */
  readonly listenHost?: string | undefined
  readonly port: number
}

/** The options of an agent. @category models @since 0.1.0 */
export interface AgentOptions {
  readonly pool?: string | undefined
  /** The number of threads. Default: the available processors. */
  readonly threads?: number | undefined
  /** The name in progress and messages. Default: the name of the machine, and the number of the process. */
  readonly name?: string | undefined
}

/**
 * A cluster of few entities: a pool is one. A host that ends gives all its shards up at once, with two statements each
 * on one connection, and in a third of the lock expiration: of 32 shards some exceeded that on a busy machine.
 */
const shardsPerGroup = 8

/** The time of a lock in times of its renewal. */
const lockRefreshes = 3

const shardingConfig = ({ lockExpiration = "15 seconds" }: ClusterOptions) => ({
  // All of them: the environment, such as PORT and SHARD_GROUPS of others, changes nothing.
  ...ShardingConfig.defaults,
  shardLockExpiration: lockExpiration,
  shardLockRefreshInterval: Duration.millis(Duration.toMillis(lockExpiration) / lockRefreshes),
  // A host that has died is missed by the others, by agents and by clients when each of them looks.
  refreshAssignmentsInterval: Duration.millis(300),
  runnerHealthCheckInterval: Duration.seconds(3),
  entityMessagePollInterval: Duration.seconds(2),
  shardsPerGroup
})

/**
 * A host of pools, which listens for other processes. Start two or three for a cluster: each pool is on one of them. It
 * fails if the database does not answer at the start; later it waits for it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHost = (
  options: HostOptions
): Layer.Layer<
  JobModules.JobModules | RunStore.RunStore | Sharding.Sharding,
  Config.ConfigError | SocketServer.SocketServerError,
  SqlClient.SqlClient
> => {
  const { host = "127.0.0.1", jobs, listenHost = host, port } = options
  const cluster = NodeClusterSocket.layer({
    shardingConfig: {
      ...shardingConfig(options),
      runnerAddress: Option.some(RunnerAddress.make(host, port)),
      runnerListenAddress: Option.some(RunnerAddress.make(listenHost, port))
    }
  })
  const services = Layer.mergeAll(JobModules.layer(jobs), SqlCheckpoint.layer, cluster)
  return FarmPoolHost.layer(options).pipe(Layer.provideMerge(services))
}

/**
 * A client: it needs the database, and no port. Provide `layerAgent` with it to work for a pool. A process with a host
 * needs no client beside it: `layerHost` provides the same.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClient = (
  options: ClusterOptions = {}
): Layer.Layer<Sharding.Sharding, Config.ConfigError, SqlClient.SqlClient> =>
  NodeClusterSocket.layer({
    clientOnly: true,
    shardingConfig: { ...shardingConfig(options), runnerAddress: Option.none(), runnerListenAddress: Option.none() }
  })

/** Threads of this process that work for a pool. @category layers @since 0.1.0 */
export const layerAgent = (
  options: AgentOptions = {}
): Layer.Layer<never, FarmError, JobModules.JobModules | Sharding.Sharding> =>
  FarmAgent.layer({
    pool: options.pool,
    threads: options.threads ?? Os.availableParallelism(),
    name: options.name ?? `${Os.hostname()}:${process.pid}`,
    host: Os.hostname(),
    workers: (module, threads) => NodeThreadWorkers.make({ module, threads, maxPacketBytes: maxTextBytes })
  })

/**
 * A whole cluster in this process, without a database: a pool, its host and an agent. Runs and their outputs are kept
 * until the process ends.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerEmbedded = (
  options: AgentOptions & FarmPoolHost.Options & { readonly jobs: ReadonlyArray<JobModules.Entry> }
): Layer.Layer<JobModules.JobModules | RunStore.RunStore | Sharding.Sharding, FarmError> => {
  const cluster = Sharding.layer.pipe(
    Layer.provide(Runners.layerNoop),
    Layer.provide(MessageStorage.layerMemory),
    Layer.provide([RunnerStorage.layerMemory, RunnerHealth.layerNoop]),
    Layer.provide(ShardingConfig.layer(shardingConfig({})))
  )
  const services = Layer.mergeAll(JobModules.layer(options.jobs), RunStore.layerMemory, cluster)
  return Layer.mergeAll(FarmPoolHost.layer(options), layerAgent(options)).pipe(Layer.provideMerge(services))
}
