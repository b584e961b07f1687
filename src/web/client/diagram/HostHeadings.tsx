/** The names of the hosts above their lines; they stay in view when a diagram is scrolled. */
import { type Columns, headingPixels } from "./Columns.ts"

/** Width from which a heading has room for the state of its host. */
const statePixels = 96

/** The name of a host. Endpoints often differ by their ports only, which are shown whole. */
const Name = ({ host }: { readonly host: string }) => {
  const [, address, port] = /^(.+)(:\d+)$/.exec(host) ?? []
  return (
    <>
      {address !== undefined && <span class="diagram-address">{address}</span>}
      <span class="diagram-host">{port ?? host}</span>
    </>
  )
}

/** The headings of the columns, with the states of the hosts where there are any. */
export const HostHeadings = (props: {
  readonly columns: Columns
  readonly hosts: ReadonlyArray<string>
  readonly timeHeading: string
  readonly stateOf?: (host: string) => string | undefined
}) => {
  const { columns, hosts, stateOf, timeHeading } = props
  const width = headingPixels(columns)
  return (
    <div class={`diagram-heads ${hosts.length > 2 ? "diagram-heads-many" : ""}`} aria-hidden="true">
      {columns.timePixels > 0 && (
        <span class="diagram-time-head" style={{ width: `${columns.timePixels - 12}px` }}>
          {timeHeading}
        </span>
      )}
      {hosts.map((host, at) => {
        return (
          <div
            class="diagram-head"
            key={host}
            style={{ left: `${columns.hostPixels[at] ?? 0}px`, width: `${width}px` }}
            title={host}
          >
            <Name host={host} />
            {stateOf !== undefined && width >= statePixels && (
              <span class="diagram-state">{stateOf(host) ?? "\u00a0"}</span>
            )}
          </div>
        )
      })}
    </div>
  )
}
