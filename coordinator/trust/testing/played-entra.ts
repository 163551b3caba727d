// A tenant's sign-in for tests: the emulator's, as a process of its own, because no part of Drover reaches into another.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import type { EntraOptions } from '../entra-options.ts';

const program = fileURLToPath(
  new URL('../../../emulator/entra/standalone-process.ts', import.meta.url),
);

export const tenantId = '6f1d8a52-3c0b-4e7a-9d52-70a4b8c1e933';
export const clientId = 'c3b1f0de-8a44-4f0e-b7a4-51d2e6a90c11';
/** A program that has the role of an operator. */
export const operatorId = '0b6c2d7e-55aa-4b0f-8f52-9a1c3d5e7f00';
/** One without a role. */
export const strangerId = '0b6c2d7e-55aa-4b0f-8f52-9a1c3d5e7f01';
/** The application of an older API, whose tokens are of version 1. */
export const olderId = '0b6c2d7e-55aa-4b0f-8f52-9a1c3d5e7f02';

const people = ['ann', 'ben', 'cleo', 'dan'].map((name, index) => ({
  id: `1d7f4c26-4f3e-4f0e-a7f1-0a4b9f1c2d0${index}`,
  principalName: `${name}@contoso.com`,
  displayName: name,
}));
const common = {
  secrets: ['right'],
  certificates: [],
  permissions: { application: [], delegated: [] },
};
/** Ann is an administrator, who is a viewer as well; Ben an operator, Cleo a viewer, and Dan nothing. */
const appRoles = [
  { value: 'Drover.Viewer', assignedTo: ['ann@contoso.com', 'cleo@contoso.com'] },
  { value: 'Drover.Operator', assignedTo: ['ben@contoso.com', operatorId] },
  { value: 'Drover.Admin', assignedTo: ['ann@contoso.com'] },
];
const apps = [
  { ...common, clientId, name: 'Drover coordinator', appRoles, accessTokenVersion: 2 },
  { ...common, clientId: operatorId, name: 'Reports' },
  { ...common, clientId: strangerId, name: 'Stranger' },
  { ...common, clientId: olderId, name: 'Older', appRoles },
];

export class PlayedEntra implements AsyncDisposable {
  readonly authorityUrl: string;
  readonly caFile: string;
  readonly #dispatcher: Agent;
  readonly #end: () => Promise<void>;

  constructor(folder: string, port: number, certificate: string, end: () => Promise<void>) {
    this.authorityUrl = `https://localhost:${port}`;
    this.caFile = path.join(folder, 'ca.pem');
    writeFileSync(this.caFile, certificate);
    this.#dispatcher = new Agent({ connect: { ca: certificate } });
    this.#end = end;
  }

  static async start(): Promise<PlayedEntra> {
    const folder = mkdtempSync(path.join(tmpdir(), 'drover-entra-'));
    const settings = {
      tenantId,
      tenantName: 'contoso',
      domain: 'contoso.com',
      users: people,
      apps,
      keyFolder: path.join(folder, 'keys'),
      deviceCodeIntervalSeconds: 0,
    };
    const child = spawn(process.execPath, [program, JSON.stringify(settings)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const { port, certificate } = JSON.parse(line) as { port: number; certificate: string };
    return new PlayedEntra(folder, port, certificate, async () => {
      child.stdin.end();
      await exited;
      rmSync(folder, { recursive: true });
    });
  }

  /** How a coordinator finds it. */
  get options(): EntraOptions {
    const { authorityUrl, caFile } = this;
    return { tenant: 'contoso.com', clientId, authorityUrl, caFile };
  }

  /** The tokens of a person who signed in to the coordinator's application. */
  async signIn(person: string): Promise<{ accessToken: string; idToken: string }> {
    const scope = `${clientId}/.default openid`;
    const code = await this.#post('devicecode', { client_id: clientId, scope });
    await this.#send(`${this.authorityUrl}/devicelogin`, {
      user_code: code['user_code']!,
      user: `${person}@contoso.com`,
      action: 'approve',
    });
    const answer = await this.#post('token', {
      grant_type: 'device_code',
      client_id: clientId,
      device_code: code['device_code']!,
    });
    return { accessToken: answer['access_token']!, idToken: answer['id_token']! };
  }

  /** The token of a program that calls as itself, made out to an application. */
  async programToken(program: string, resource = clientId): Promise<string> {
    const answer = await this.#post('token', {
      grant_type: 'client_credentials',
      client_id: program,
      client_secret: 'right',
      scope: `${resource}/.default`,
    });
    return answer['access_token']!;
  }

  /** Signs with a new key from now on. */
  async rotateKeys(): Promise<void> {
    await this.#send(`${this.authorityUrl}/_rotate`, {});
  }

  /** How often the keys were fetched. */
  async keyRequests(): Promise<number> {
    const { body } = await request(`${this.authorityUrl}/_requests`, {
      dispatcher: this.#dispatcher,
    });
    const requests = (await body.json()) as string[];
    return requests.filter((each) => each.endsWith('/keys')).length;
  }

  async #post(endpoint: string, form: Record<string, string>): Promise<Record<string, string>> {
    const url = `${this.authorityUrl}/${tenantId}/oauth2/v2.0/${endpoint}`;
    return JSON.parse(await this.#send(url, form)) as Record<string, string>;
  }

  async #send(url: string, form: Record<string, string>): Promise<string> {
    const { statusCode, body } = await request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
      dispatcher: this.#dispatcher,
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}: ${text}`);
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispatcher.close();
    await this.#end();
  }
}
