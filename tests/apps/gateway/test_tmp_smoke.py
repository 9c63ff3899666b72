from tests.apps.gateway.conftest import *
def test_smoke(serve):
    async def work():
        async with serve() as served:
            served.add_device("north-high","panic",place_kind="school",lon_deg=-90.1848,lat_deg=32.299,place="North High")
            r=await served.send("north-high","/v1/panic",served.envelope("org.rtcc.panic.v1",{},source="north-high"))
            print(r.status_code,r.text)
            async with served.client("reed") as c:
                for p in ("/v1/me","/v1/state","/v1/alerts?state=open","/v1/handover","/v1/health","/healthz","/v1/basemap.geojson","/v1/cameras/near?lon=-90.18&lat=32.3"):
                    r2=await c.get(p); print(p,r2.status_code,r2.text[:1500]); print()
                r3=await c.get("/v1/alerts/"+r.json()["alert_id"]); print(r3.status_code,r3.text)
                r3=await c.post("/v1/alerts/"+r.json()["alert_id"]+"/steps",json={"kind":"acknowledge","version":1}); print(r3.status_code,r3.text)
                r3=await c.get("/v1/alerts/"+r.json()["alert_id"]+"/cap"); print(r3.status_code,r3.text)
                r3=await c.get("/v1/cap"); print(r3.status_code,r3.text)
            async with served.client("ortiz") as c:
                r3=await c.get("/v1/supervisor"); print(r3.status_code,r3.text)
    run(work)
