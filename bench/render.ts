/** Vega-Lite to SVG text, without a browser. Its packages are ES modules, hence the dynamic imports. */
import type { TopLevelSpec } from 'vega-lite' with { 'resolution-mode': 'import' };

/** Of every plot: the title without its words, and the config. */
export const TITLE = { anchor: 'start', offset: 14, fontSize: 15, subtitlePadding: 4 } as const;
export const CONFIG = {
  font: 'sans-serif',
  axis: { labelFontSize: 11, titleFontSize: 12, gridColor: '#e5e5e5' },
  legend: { labelFontSize: 12 },
} as const;

export async function renderSvg(spec: TopLevelSpec): Promise<string> {
  const [vega, vegaLite] = [await import('vega'), await import('vega-lite')];
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: 'none' });
  try {
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}
