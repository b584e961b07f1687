/** Charts of traffic over the last two minutes. */
import * as Chart from "../Chart.ts"
import * as Format from "../Format.ts"
import * as Traffic from "../Traffic.ts"

const width = Traffic.windowSeconds - 1

/** Returns the seconds whose bytes are known, and the column of the first one. A line has at least two seconds. */
const known = ({ knownSeconds, received, sent }: Traffic.Series) => {
  const seconds = Math.max(2, knownSeconds)
  return { received: received.slice(-seconds), sent: sent.slice(-seconds), left: Traffic.windowSeconds - seconds }
}

/** Draws the bytes of both directions as a small area, with both rates beside it. */
export const Sparkline = (props: { readonly series: Traffic.Series; readonly of: string }) => {
  const { left, received, sent } = known(props.series)
  const both = received.map((bytes, at) => bytes + sent[at]!)
  const top = Chart.peak(both)
  const box = { width, left, zero: 31, top: 2, max: top }
  const label = `Traffic of ${props.of} in the last two minutes: at most ${Format.rate(Math.max(...both))}`
  return (
    <svg class="spark" viewBox={`0 0 ${width} 32`} preserveAspectRatio="none" role="img" aria-label={label}>
      <path class="chart-area" d={Chart.area(both, box)} />
      <path class="chart-zero" d={`M0 31.5H${width}`} />
      <path class="chart-line" d={Chart.line(both, box)} />
    </svg>
  )
}

/** Shows the present rates of both directions. */
export const Rates = ({ series }: { readonly series: Traffic.Series }) => (
  <dl class="rates">
    <div>
      <dt>
        <span aria-hidden="true">↓</span>
        <span class="visually-hidden">received</span>
      </dt>
      <dd>{Format.rate(Traffic.rate(series.received))}</dd>
    </div>
    <div>
      <dt>
        <span aria-hidden="true">↑</span>
        <span class="visually-hidden">sent</span>
      </dt>
      <dd>{Format.rate(Traffic.rate(series.sent))}</dd>
    </div>
  </dl>
)

/** Draws what was received above the line of zero, and what was sent below it. */
export const TrafficChart = (props: { readonly series: Traffic.Series; readonly of: string }) => {
  const { left, received, sent } = known(props.series)
  const top = Chart.peak(received, sent)
  const above = { width, left, zero: 50, top: 3, max: top }
  const below = { ...above, top: 97 }
  const most = [Math.max(...received), Math.max(...sent)] as const
  const label = `Traffic of ${props.of} in the last two minutes: at most ${Format.rate(most[0])} received and ${Format.rate(most[1])} sent`
  return (
    <figure class="chart">
      <div class="chart-box">
        <svg viewBox={`0 0 ${width} 100`} preserveAspectRatio="none" role="img" aria-label={label}>
          <path class="chart-grid" d={`M0 3H${width}M0 97H${width}`} />
          <path class="chart-area" d={Chart.area(received, above)} />
          <path class="chart-area chart-sent" d={Chart.area(sent, below)} />
          <path class="chart-line" d={Chart.line(received, above)} />
          <path class="chart-line chart-sent" d={Chart.line(sent, below)} />
          <path class="chart-zero" d={`M0 50H${width}`} />
        </svg>
        <span class="chart-label chart-top">
          <span aria-hidden="true">↓</span> received <b>{Format.rate(Traffic.rate(received))}</b>
        </span>
        <span class="chart-label chart-bottom">
          <span aria-hidden="true">↑</span> sent <b>{Format.rate(Traffic.rate(sent))}</b>
        </span>
      </div>
      <figcaption class="chart-axis muted">
        <span>2 min ago</span>
        <span>grid: {Format.rate(top)}</span>
        <span>now</span>
      </figcaption>
    </figure>
  )
}
