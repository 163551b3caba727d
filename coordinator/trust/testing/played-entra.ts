// For tests: a tenant whose people and programs have roles in Drover.
import {
  clientId,
  EntraProcess,
  startEntra,
  tenantId,
} from '../../../lib/testing/entra-process.ts';
import type { EntraOptions } from '../entra-options.ts';

export { clientId, tenantId };
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

export class PlayedEntra extends EntraProcess {
  static async start(): Promise<PlayedEntra> {
    return new PlayedEntra(await startEntra({ users: people, apps, deviceCodeIntervalSeconds: 0 }));
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
    await this.send('/devicelogin', {
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
    await this.send('/_rotate', {});
  }

  /** How often the keys were fetched. */
  keyRequests(): Promise<number> {
    return this.requestsTo('keys');
  }

  async #post(endpoint: string, form: Record<string, string>): Promise<Record<string, string>> {
    const place = `/${tenantId}/oauth2/v2.0/${endpoint}`;
    return JSON.parse(await this.send(place, form)) as Record<string, string>;
  }
}
