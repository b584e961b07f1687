/** The results of a scan as text, as JSON, and as the lines of nmap's greppable format. Pure. */
import type { HostResult, PortResult, Verdict } from "../../../inspect/PortScan.ts"
import * as Quantity from "../../../network/Quantity.ts"
import * as TerminalText from "../../../network/TerminalText.ts"
import * as Table from "../../../terminal/Table.ts"
import type { Target } from "./targets.ts"

/** Returns the name of a port in the table of services; "" if it has none. */
export type NameOf = (port: number) => string

/** A scanned host: the ports that are shown, and the numbers of all. */
export interface HostReport {
  readonly target: Target
  readonly ports: ReadonlyArray<PortResult>
  readonly counts: HostResult["counts"]
}

/** The most ports of a state other than open that are listed, as nmap does; of more, only the number is shown. */
const maxListedPorts = 25

/** States in the order in which the others are summed up. */
const closedStates: ReadonlyArray<Verdict> = ["closed", "filtered", "open|filtered"]

/** Returns the states of which a host has more ports than are listed. */
const ignoredStates = ({ counts }: Pick<HostReport, "counts">): ReadonlyArray<Verdict> =>
  closedStates.filter((state) => counts[state] > maxListedPorts).sort((one, other) => counts[other] - counts[one])

/** Returns the ports to list, by their numbers. */
const listedPorts = (report: HostReport): ReadonlyArray<PortResult> => {
  const ignored = ignoredStates(report)
  return report.ports.filter(({ verdict }) => !ignored.includes(verdict)).sort((one, other) => one.port - other.port)
}

/** Returns the service of a port: the identified one, else the name of the port, with a question mark if it is open. */
const serviceOf = ({ identity, port, verdict }: PortResult, nameOf: NameOf, isIdentifying: boolean): string => {
  if (identity !== undefined && identity.service !== "unknown") return identity.service
  const name = nameOf(port)
  return name !== "" && verdict === "open" && isIdentifying ? `${name}?` : name
}

const reasons: Readonly<Record<PortResult["reason"], string>> = {
  accepted: "accepted",
  replied: "replied",
  refused: "refused",
  hostUnreachable: "host unreachable",
  netUnreachable: "network unreachable",
  prohibited: "prohibited",
  notPermitted: "this host may not send there",
  noAnswer: "no answer"
}

/** Returns what the service says of itself, or why the port got no test. */
const detailsOf = ({ identity, reason }: PortResult) =>
  identity?.detail ?? (reason === "notPermitted" ? reasons[reason] : "")

const columns = (nameOf: NameOf, isIdentifying: boolean): ReadonlyArray<Table.Column<PortResult>> => [
  { title: "port", rank: 0, format: ({ port, transport }) => `${port}/${transport}` },
  { title: "state", rank: 0, format: ({ verdict }) => verdict },
  { title: "service", rank: 1, format: (result) => TerminalText.escape(serviceOf(result, nameOf, isIdentifying)) },
  { title: "details", rank: 2, format: detailsOf }
]

const titleOf = ({ address, name }: Target) => (name === "" ? address : `${TerminalText.escape(name)} (${address})`)

/** Formats a host as a table, with the numbers of the ports that it leaves out. */
export const text = (
  report: HostReport,
  nameOf: NameOf,
  isIdentifying: boolean,
  onlyOpen: boolean,
  width: number
): string => {
  const listed = listedPorts(report)
  const { otherAddresses } = report.target
  const others = otherAddresses.length === 0 ? [] : [`not scanned: ${otherAddresses.join(", ")}`]
  const table = listed.length === 0 ? [] : [Table.toText(Table.fit(columns(nameOf, isIdentifying), listed, width))]
  const hidden = closedStates.flatMap((state) => {
    const count = report.counts[state]
    const isHidden = count > 0 && (onlyOpen || ignoredStates(report).includes(state))
    return isHidden ? [Quantity.format(count, `${state} port`)] : []
  })
  const rest = hidden.length === 0 ? [] : [`not shown: ${hidden.join(", ")}`]
  return [titleOf(report.target), ...others, ...table, ...rest].join("\n")
}

/** Returns the JSON value of a port. */
export const portJson = (result: PortResult, { name }: Target, nameOf: NameOf) => ({
  type: "port",
  ...(name === "" ? {} : { host: name }),
  address: result.address,
  port: result.port,
  protocol: result.transport,
  state: result.verdict,
  reason: reasons[result.reason],
  service: serviceOf(result, nameOf, false),
  identified: result.identity !== undefined && result.identity.service !== "unknown",
  ...(result.identity?.detail === undefined ? {} : { detail: result.identity.detail })
})

/** Returns the JSON value of a host. */
export const hostJson = ({ address, counts }: HostResult, { name }: Target) => ({
  type: "host",
  ...(name === "" ? {} : { host: name }),
  address,
  ...counts
})

/** Fields of the greppable format are separated by slashes, entries by commas, and parts of a line by tabs. */
const field = (text: string) => TerminalText.escape(text).replaceAll("/", "|").replaceAll(",", ";")

const greppablePort = (result: PortResult, nameOf: NameOf): string => {
  const fields = [result.port, result.verdict, result.transport, "", field(serviceOf(result, nameOf, false)), ""]
  return `${fields.join("/")}/${field(result.identity?.detail ?? "")}/`
}

/** Formats a host as the two lines of nmap's `-oG`, which names an ignored state only if it is the only one. */
export const greppable = (report: HostReport, nameOf: NameOf): string => {
  const { address, name } = report.target
  const host = `Host: ${address} (${field(name)})`
  const ports = listedPorts(report).map((one) => greppablePort(one, nameOf))
  const [ignored, ...others] = ignoredStates(report)
  const rest =
    ignored === undefined || others.length > 0 ? "" : `\tIgnored State: ${ignored} (${report.counts[ignored]})`
  return `${host}\tStatus: Up\n${host}\tPorts: ${ports.join(", ")}${rest}`
}
