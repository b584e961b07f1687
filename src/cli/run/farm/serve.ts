/** The program of `farm serve`. */
import * as Arr from "effect/Array"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as SocketServer from "effect/socket/SocketServer"
import { messageWithCauses } from "../../../cluster/ClusterError.ts"
import * as HostedRuns from "../../../cluster/HostedRuns.ts"
import * as NodeFarmCluster from "../../../cluster/NodeFarmCluster.ts"
import * as Network from "../../../network/Network.ts"
import * as NodeErrors from "../../../network/node/NodeErrors.ts"
import * as FarmSource from "../../../web/sources/FarmSource.ts"
import * as NodeCompileCache from "../common/NodeCompileCache.ts"
import * as NodeProcessors from "../common/NodeProcessors.ts"
import * as runServer from "../common/runServer.ts"
import { CannotServe, explainListenError } from "../common/serverMessages.ts"
import * as clusterLogs from "./clusterLogs.ts"
import * as database from "./database.ts"

interface Input extends database.Cluster, runServer.Operations {
  readonly host: string
  readonly port: number
  readonly advertise: string | undefined
  readonly jobs: string | undefined
  readonly silence: Duration.Duration | undefined
  readonly checkpointInterval: Duration.Duration | undefined
  readonly keepRuns: Duration.Duration | undefined
}

/** Binds the address for a moment: an error has its explanation, and port 0 becomes a free port. */
const findAddress = (host: string, port: number) =>
  Effect.gen(function* () {
    const { listen } = yield* Network.Network
    const { address } = yield* listen({ host, port })
    return address
  }).pipe(Effect.scoped, Effect.catch(explainListenError("farm", port, "--port")))

/** Explains why a host cannot start: another process may have bound the port since `findAddress` found it free. */
export const explainStartError = (address: NetAddress.SocketAddress, port: number) => (error: Error) =>
  error instanceof SocketServer.SocketServerError
    ? explainListenError("farm", port, "--port")(NodeErrors.networkError(error.reason.cause, address))
    : Effect.fail(new CannotServe({ message: `farm: ${messageWithCauses(error)}` }))

/** Returns a run as the page shows it. */
export const shownRun = ({ id, job, pool, state, status }: HostedRuns.ObservedRun): FarmSource.Run => {
  const { etaMillis, total, ...progress } = status
  const hostOf = (host: string) => (host === "" ? undefined : host)
  const workers = status.workers.map(({ host, ...worker }) => ({ ...worker, host: hostOf(host), failures: 0 }))
  return {
    ...{ id, state, title: `${status.key} of pool ${pool}: ${job}` },
    progress: () => ({ ...progress, etaMillis, total, workers })
  }
}

const start = Effect.fnUntraced(function* (input: Input) {
  const { host, lockExpiration } = input
  const address = yield* findAddress(host, input.port)
  const isOpen = NetAddress.isInetAddress(address) && NetAddress.isUnspecified(address.address)
  const port = NetAddress.isInetAddress(address) ? address.port : input.port
  const advertised = input.advertise ?? (isOpen ? NodeProcessors.hostName() : host)
  const jobs = yield* database.loadJobs(input.jobs)
  const connected = yield* database.open(input.database)
  NodeCompileCache.shareWithThreads()
  const { checkpointInterval, keepRuns, silence } = input
  const observed = HostedRuns.make()
  yield* NodeFarmCluster.layerHost({
    ...{ jobs, port, host: advertised, listenHost: host, observed },
    ...{ lockExpiration, checkpointInterval, keepRuns, silence }
  }).pipe(Layer.provide(connected), Layer.build, Effect.catch(explainStartError(address, port)))
  return { address, page: FarmSource.make("farm", Effect.map(observed.list, Arr.map(shownRun))) }
})

export const serve = (input: Input) => runServer.serve("farm", input, clusterLogs.provide(start(input)))
