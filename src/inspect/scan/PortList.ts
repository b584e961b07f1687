/** Lists of ports as text: numbers, ranges, names and the most frequent ones. Pure. */
import * as Result from "effect/Result"
import * as TerminalText from "../../network/TerminalText.ts"
import type { Transport } from "./PortTest.ts"

/** The hundred ports that are open most often, as nmap counted them on the Internet. */
const topPorts: Readonly<Record<Transport, string>> = {
  tcp: "7,9,13,21-23,25-26,37,53,79-81,88,106,110-111,113,119,135,139,143-144,179,199,389,427,443-445,465,513-515,543-544,548,554,587,631,646,873,990,993,995,1025-1029,1110,1433,1720,1723,1755,1900,2000-2001,2049,2121,2717,3000,3128,3306,3389,3986,4899,5000,5009,5051,5060,5101,5190,5357,5432,5631,5666,5800,5900,6000-6001,6646,7070,8000,8008-8009,8080-8081,8443,8888,9100,9999-10000,32768,49152-49157",
  udp: "7,9,17,19,49,53,67-69,80,88,111,120,123,135-139,158,161-162,177,427,443,445,497,500,514-515,518,520,593,623,626,631,996-999,1022-1023,1025-1030,1433-1434,1645-1646,1701,1718-1719,1812-1813,1900,2000,2048-2049,2222-2223,3283,3456,3703,4444,4500,5000,5060,5353,5632,9200,10000,17185,20031,30718,31337,32768-32769,32771,32815,33281,49152-49154,49156,49181-49182,49185-49186,49188,49190-49194,49200-49201,65024"
}

const maxPortNumber = 65_535

const quote = (text: string) => TerminalText.escape(JSON.stringify(TerminalText.truncate(text, 40)))

const forms = "a port from 1 to 65535, a range such as 1-1024, a service name, top100, or - for all"

const rangeOf = (first: number, last: number): ReadonlyArray<number> =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)

/** Returns the port of a service; undefined for a name that is not known. */
export type PortOf = (name: string) => number | undefined

const parseNumber = (digits: string) => {
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : Number.NaN
  return port >= 1 && port <= maxPortNumber ? port : undefined
}

const parsePart = (
  part: string,
  transport: Transport,
  portOf: PortOf
): Result.Result<ReadonlyArray<number>, string> => {
  if (part === "-") return Result.succeed(rangeOf(1, maxPortNumber))
  if (part === "top100") return Result.map(parse(topPorts[transport], transport, portOf), (ports) => ports)
  const [, from, to] = /^(\d*)-(\d*)$/.exec(part) ?? []
  if (from !== undefined && to !== undefined) {
    const first = from === "" ? 1 : parseNumber(from)
    const last = to === "" ? maxPortNumber : parseNumber(to)
    if (first === undefined || last === undefined) {
      return Result.fail(`invalid range of ports ${quote(part)}: must be within 1 to 65535, such as 1-1024`)
    }
    return first <= last
      ? Result.succeed(rangeOf(first, last))
      : Result.fail(`invalid range of ports ${quote(part)}: ends before its start; write ${last}-${first}`)
  }
  if (/^[-+]?\d+$/.test(part)) {
    const port = parseNumber(part)
    return port === undefined
      ? Result.fail(`invalid port ${quote(part)}: must be from 1 to 65535`)
      : Result.succeed([port])
  }
  const named = part === "" ? undefined : portOf(part)
  return named === undefined || named < 1
    ? Result.fail(`invalid port ${quote(part)}: must be ${forms}`)
    : Result.succeed([named])
}

/**
 * Parses ports separated by commas: each port once, in the order of the text. Fails with one line.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (
  text: string,
  transport: Transport,
  portOf: PortOf
): Result.Result<ReadonlyArray<number>, string> => {
  const ports = new Set<number>()
  for (const part of text.split(",")) {
    const parsed = parsePart(part.trim(), transport, portOf)
    if (Result.isFailure(parsed)) return parsed
    for (const port of parsed.success) ports.add(port)
  }
  return Result.succeed([...ports])
}
