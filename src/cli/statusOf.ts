import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"

export const command = lazyCommand({
  name: "status-of",
  description:
    "Show the services of a running server or of up, from its admin server; exits with 1 unless all are ready",
  examples: [
    ["effect-inet status-of", "The services of the process with --admin 127.0.0.1:9067"],
    ["effect-inet status-of --admin 127.0.0.1:9100 --json", "One JSON value for each service"]
  ],
  flags: {
    admin: flags.optionalEndpoint("up", "admin", "Address of the admin server (default 127.0.0.1:9067)"),
    json: flags.json("status-of")
  },
  program: async () => (await import("./run/statusOf.ts")).statusOf
})
