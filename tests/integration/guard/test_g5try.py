from fractions import Fraction
import anyio, pytest, json
from tests.integration.guard.conftest import *
MERGE="application/merge-patch+json"
async def test_try(guarding, place):
    web=place.path("apps/v1/deployments","web"); svc=place.path("services","web")
    place.make("configmaps", {"metadata":{"name":"cm"},"data":{"a":"1"}})
    cm=place.path("configmaps","cm")
    async def go(name, *reqs, **lim):
        async with guarding(**lim) as g:
            b=await g.begin()
            out=[]
            for m,p,body in reqs:
                s,a=await b.raw(m,p,body,{"Content-Type":MERGE} if m=="PATCH" else {})
                out.append((s, a.get("message","")[:150] if s>=400 else "ok"))
            try:
                await g.undo(); r=await g.verify(15)
                print("\n##",name,out,"proven" if r.is_proven else r)
            except BaseException as e: print("\n##",name,out,"EXC",repr(e)[:300])
        await anyio.to_thread.run_sync(place.settle)
    owner={"apiVersion":"v1","kind":"ConfigMap","name":"gone","uid":"0000-1"}
    await go("ownerref on deployment",("PATCH",web,{"metadata":{"ownerReferences":[owner]}}))
    await go("finalizer on deployment",("PATCH",web,{"metadata":{"finalizers":["x.io/y"]}}))
    await go("finalizer on existing, then delete",("PATCH",cm,{"metadata":{"finalizers":["x.io/y"]}}),("DELETE",cm,None))
    await go("immutable cm",("PATCH",cm,{"immutable":True}))
    mine=place.path("configmaps","mine")
    await go("own: strip mark, finalizer",("POST",place.path("configmaps"),{"metadata":{"name":"mine","finalizers":["x.io/z"]}}),("PATCH",mine,{"metadata":{"annotations":None,"labels":None}}),("PATCH",mine,{"metadata":{"finalizers":["x.io/y"]}}),("PATCH",mine,{"immutable":True}))
    await go("svc external",("PATCH",svc,{"spec":{"type":"ExternalName","externalName":"evil.example"}}),("PATCH",svc,{"spec":{"externalIPs":["10.0.0.1"]}}),("PATCH",svc,{"spec":{"type":"NodePort"}}),("PATCH",svc,{"spec":{"ports":[{"port":81}]}}))
    await go("orphan delete",("DELETE",web,{"propagationPolicy":"Orphan"}))
    await go("foreground delete",("DELETE",web,{"propagationPolicy":"Foreground"}))
    pods=place.pods("web")
    await go("unlabel pods",*[("PATCH",place.path("pods",p),{"metadata":{"labels":{"app":"x"}}}) for p in pods], most_share=Fraction(1,2))
    await anyio.sleep(1)
    await go("delete grace",("DELETE",place.path("pods",place.pods("web")[0]),{"gracePeriodSeconds":600}))
    await go("rs scale",("PATCH",web+"/scale",{"spec":{"replicas":2}}),("PATCH",web,{"spec":{"paused":True}}),("PATCH",web,{"spec":{"minReadySeconds":3000}}), ("PATCH",web,{"spec":{"strategy":{"type":"Recreate","rollingUpdate":None}}}))
    print(json.dumps(place.direct.send("GET",place.path("configmaps")).body["items"])[:900])
    print(place.pods("web"), place.pods("x"))
