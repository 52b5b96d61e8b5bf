"""The ground of Optics Valley: districts, communities, streets. All invented; division codes under 0999, which no province has."""

from __future__ import annotations

DISTRICTS = {
    "099901": "云岭区", "099902": "锦川区", "099903": "望湖区", "099904": "松原区", "099905": "明台区", "099906": "青溪区",
}  # fmt: skip
WITHDRAWN = "099907"  # 旧港区, merged into 099906 on 2025-07-01
_NAMES = ("青石", "云桥", "柳湾", "竹岸", "槐荫", "清渠", "桃坞", "月坪")
STREETS = ("星河路", "云锦大道", "竹溪街", "松涛路", "望月街", "青禾路", "明理大道", "桂影街", "长风路", "听雨巷")

COMMUNITIES = {
    f"{district}{n:03}": f"{DISTRICTS[district][:2]}{name}社区"
    for district in DISTRICTS
    for n, name in enumerate(_NAMES, 1)
}
DISTRICT_CODES = tuple(DISTRICTS)
COMMUNITY_CODES = tuple(COMMUNITIES)
