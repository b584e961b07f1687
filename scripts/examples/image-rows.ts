/** Brightens a grey image on all processors, and prints it as PGM: npm run -s example image-rows > bright.pgm */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Farm, NodeThreadWorkers } from "effect-inet/farm"
import { job } from "./image-rows-job.ts"

const [width, height] = [1_024, 256]
const image = { bytesInPacket: 16 * width, pixels: Uint8Array.from({ length: width * height }, (_, at) => at >> 10) }
const bright = new Uint8Array(width * height)
const workers = NodeThreadWorkers.make({ module: new URL("./image-rows-job.ts", import.meta.url) })

Farm.stream(job, image, { workers }).pipe(
  Stream.runForEach(({ result }) => Effect.sync(() => bright.set(result.pixels, result.from))),
  Effect.andThen(
    Effect.sync(() => process.stdout.write(Buffer.concat([Buffer.from(`P5 ${width} ${height} 255\n`), bright])))
  ),
  NodeRuntime.runMain
)
