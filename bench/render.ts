/** Vega-Lite to SVG text, without a browser. Its packages are ES modules, hence the dynamic imports. */
import type { TopLevelSpec } from 'vega-lite' with { 'resolution-mode': 'import' };

export async function renderSvg(spec: TopLevelSpec): Promise<string> {
  const [vega, vegaLite] = [await import('vega'), await import('vega-lite')];
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: 'none' });
  try {
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}
