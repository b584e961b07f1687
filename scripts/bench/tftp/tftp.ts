/** Our TFTP server and client against Debian's, and against a bare `node:dgram` server. */
import * as Effect from "effect/Effect"
import * as Peers from "../../../test/support/tftp/TftpPeers.ts"
import type { Benchmark, Options } from "../harness.ts"
import * as Impaired from "./impaired.ts"
import * as Loopback from "./loopback.ts"
import * as Memory from "./memory.ts"
import * as Proc from "./proc.ts"
import * as Stage from "./stage.ts"

const about = `Our server, a bare \`node:dgram\` server that has the file in memory and neither timers nor checks, and Debian's
tftpd-hpa, atftpd and dnsmasq: each in processes of its own, over loopback, files in memory. Clients are whole processes,
from start to exit, the same for all; every file they bring is compared.

- *Lock-step*, *window 64*, *blksize 65464*: one atftp fetches 32 MiB. tftpd-hpa and dnsmasq know no window.
- *64 curls at once*: each fetches its own 2 MiB; with *2 threads*, \`--threads 2\` beside two \`node:dgram\` processes.
- *CPU per packet*: user and system time of the server, its threads and children, over DATA and ACKs of the rows above it.
- *Round trip 20 ms*: through \`effect-inet impair --plan 'delay=10ms'\`, both ways; *2 % lost*: of all datagrams, with the
  same seeds for all. Ours and what has a window fetch 8 MiB, what goes block by block 256 KiB. Ours is
  \`effect-inet tftp get\` with its defaults, its start included. A pair that has not ended after two minutes, or
  gave up, has the rate of what had arrived.
- *64 downloads of 1 GiB*: a sparse file, blksize 65464, window 64, for a minute, by a client that keeps nothing; resident
  memory of the server twice a second, less what it had before; growth is the slope after the first quarter.`

const prepare = Effect.fnUntraced(function* (options: Options) {
  const stage = yield* Stage.make(options)
  const absent = Peers.clients.filter((client) => client !== "busybox" && !Peers.isInstalled(client))
  return {
    contestants: Stage.contestants,
    measures: [...Loopback.measures(stage), ...Impaired.measures(stage), ...Memory.measures(stage, options)],
    notes: [
      ...Stage.leftOut.map(([, why]) => `Left out: ${why}.`),
      ...absent.map((client) => `Left out, with the rows that want it: ${client} is not installed.`),
      ...(Proc.hasMeter ? [] : ["Processor time was left out: it takes root and a writable cgroup v2."]),
      ...(Proc.hasMemory ? [] : ["Memory was left out: there is no /proc to read it from."])
    ]
  }
})

export const benchmark: Benchmark = {
  name: "tftp",
  description: about,
  comparisons: [...Loopback.comparisons, ...Impaired.comparisons, ...Memory.comparisons],
  prepare
}
