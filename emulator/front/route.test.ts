// Where requests go.
import test from 'ava';
import { partOf, routeClassOf, type Part, type RouteClass } from './route.ts';

const parts: [part: Part, host: string, path: string][] = [
  ['entra', 'login.microsoftonline.com', '/anything'],
  ['entra', 'sts.windows.net', '/'],
  ['graph', 'graph.microsoft.com', '/v1.0/me'],
  ['graph', 'graph.microsoft.com', '/common/oauth2/v2.0/token'],
  ['graph', 'contoso-my.sharepoint.com', '/personal/a/_api/v2.0/drive'],
  ['graph', 'localhost', '/v1.0/me'],
  ['graph', 'localhost', '/_api/v2.1/drives'],
  ['graph', 'localhost', '/sites/discovery/_api/v2.0/drives'],
  ['graph', 'localhost', '/sites/oauth2/x'],
  ['graph', '[::1]', '/'],
  ['entra', 'localhost', '/contoso.com/oauth2/v2.0/token'],
  ['entra', '127.0.0.1', '/common/discovery/instance'],
  ['entra', 'localhost', '/organizations/v2.0/.well-known/openid-configuration'],
  ['entra', 'localhost', '/devicelogin'],
  ['entra', 'other.example', '/x/oauth2/deviceauth'],
  ['control', 'localhost', '/_emulator/'],
  ['control', 'graph.microsoft.com', '/_emulator'],
];

for (const [part, host, path] of parts)
  test(`${host}${path} -> ${part}`, (t) => {
    t.is(partOf(host, path), part);
  });

const classes: [routeClass: RouteClass, path: string][] = [
  ['sites', '/v1.0/sites'],
  ['sites', '/v1.0/sites/root:/sites/hr'],
  ['sites', '/v1.0/sites/contoso.sharepoint.com:/sites/hr'],
  ['sites', '/v1.0/sites/a,b,c/lists'],
  ['drives', '/v1.0/sites/a,b,c/drives'],
  ['drives', '/v1.0/me/drive'],
  ['drives', '/v1.0/drives/x'],
  ['items', '/v1.0/drives/x/root'],
  ['items', '/v1.0/drives/x/root/children'],
  ['items', '/v1.0/drives/x/root:/a'],
  ['items', '/v1.0/drives/x/items/1/content'],
  ['items', '/v1.0/drives/x/items/1:/uploadSession'],
  ['items', '/v1.0/me/drive/root/delta'],
  ['createUploadSession', '/v1.0/drives/x/items/1:/a:/createUploadSession'],
  ['createUploadSession', '/v1.0/drives/x/items/1/createUploadSession'],
  ['uploadSession', '/sites/s/_api/v2.0/drives/x/items/1/uploadSession'],
  ['other', '/v1.0/$batch'],
  ['other', '/sites/hr/_layouts/15/download.aspx'],
];

for (const [routeClass, path] of classes)
  test(`${path} is ${routeClass}`, (t) => {
    t.is(routeClassOf('graph', path), routeClass);
  });

test('sign-in', (t) => {
  t.is(routeClassOf('entra', '/x/oauth2/v2.0/token'), 'token');
  t.is(routeClassOf('entra', '/x/discovery/v2.0/keys'), 'other');
});
