/** The benchmark of the TFTP server and client against Debian's, and against a minimal `node:dgram` server. */
import * as Effect from "effect/Effect"
import * as TftpPeers from "../../../test/support/tftp/TftpPeers.ts"
import type { Benchmark, Options } from "../harness.ts"
import * as Impaired from "./impaired.ts"
import * as Loopback from "./loopback.ts"
import * as Memory from "./memory.ts"
import * as Proc from "./proc.ts"
import * as Stage from "./stage.ts"

const about = `Our server, a minimal \`node:dgram\` server with the file in memory and without timers and checks, and Debian's
tftpd-hpa, atftpd and dnsmasq, each in its own processes, over loopback, with files in memory. Clients are whole
processes, from start to exit, the same for all servers; every file is compared.

- *Lock-step*, *window 64*, *blksize 65464*: one atftp fetches 32 MiB. tftpd-hpa and dnsmasq do not support windowsize.
- *64 curls at once*: each fetches its own 2 MiB; with *2 threads*, \`--threads 2\` against two \`node:dgram\` processes.
- *CPU per packet*: user and system time of the server, its threads and children, per DATA and ACK of the row above.
- *Round trip 20 ms*: through \`effect-inet impair --plan 'delay=10ms'\`, both ways; *2 % lost*: of all datagrams, with the
  same seeds for all. Clients with a window fetch 8 MiB, those in lock-step 256 KiB. Ours is \`effect-inet tftp get\` with
  its defaults, its start included. A pair that has not ended after two minutes, or gave up, has the rate of the bytes
  received by then.
- *64 downloads of 1 GiB*: a sparse file, blksize 65464, window 64, for a minute, by a client that discards the content;
  resident memory of the server twice a second, minus its memory before; growth is the slope after the first quarter.`

const prepare = Effect.fnUntraced(function* (options: Options) {
  const stage = yield* Stage.make(options)
  const absent = TftpPeers.clients.filter((client) => client !== "busybox" && !TftpPeers.isInstalled(client))
  return {
    contestants: Stage.contestants,
    measures: [...Loopback.measures(stage), ...Impaired.measures(stage), ...Memory.measures(stage, options)],
    notes: [
      ...Stage.leftOut.map(([, why]) => `Left out: ${why}.`),
      ...absent.map((client) => `Left out, with the rows that need it: ${client} is not installed.`),
      ...(Proc.hasMeter ? [] : ["Processor time was left out: it requires root and a writable cgroup v2."]),
      ...(Proc.hasMemory ? [] : ["Memory was left out: this system has no /proc."])
    ]
  }
})

export const benchmark: Benchmark = {
  name: "tftp",
  description: about,
  comparisons: [...Loopback.comparisons, ...Impaired.comparisons, ...Memory.comparisons],
  prepare
}
