/** Each TypeScript and JavaScript example of README.md that imports lowp runs, and prints what it says (`// -> text`, in order). */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { outcome, ROOT, runChild, SUCCESS } from '../helpers/child';

interface Example {
  readonly line: number;
  readonly language: string;
  readonly code: string;
  readonly prints: string[];
}

function examples(): Example[] {
  const readme = join(ROOT, 'README.md');
  const text = existsSync(readme) ? readFileSync(readme, 'utf8') : '';
  return [...text.matchAll(/^```(ts|js)[^\n]*\n([\s\S]*?)^```/gm)]
    .filter(([, , code]) => /(?:from|require\()\s*['"]lowp(?:\/reference)?['"]/.test(code))
    .map(({ 1: language, 2: code, index }) => ({
      line: text.slice(0, index).split('\n').length,
      language,
      code,
      prints: [...code.matchAll(/\/\/ -> (.*)$/gm)].map(([, printed]) => printed.trim()),
    }));
}

const all = examples();
// Inside the repository, so that 'lowp' means these sources; ignored by git.
const folder = join(ROOT, '.cache', 'readme');

beforeAll(() => mkdirSync(folder, { recursive: true }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('README.md has examples that import lowp', () => {
  expect({ file: 'README.md', examples: all.length }).toEqual({ file: 'README.md', examples: expect.any(Number) });
  expect(all.length).toBeGreaterThan(0);
});

for (const { line, language, code, prints } of all) {
  test(`the example at line ${line}`, async () => {
    const module = /^\s*import\s/m.test(code);
    const file = join(folder, `line${line}.${module ? 'm' : 'c'}${language}`);
    writeFileSync(file, code);
    const child = await runChild(file);
    expect(outcome(child)).toEqual(SUCCESS);
    const printed = child.stdout.split('\n').map((text) => text.trim());
    if (prints.length > 0) expect(printed.filter((text) => text !== '')).toEqual(prints);
  });
}
