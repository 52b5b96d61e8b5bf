"""What every gold table must say of the city, computed from its registers alone, in whole numbers and fractions.

A second, independent computation: nothing here knows how the pipeline does it. Rows are dictionaries of texts; a figure is rounded
half up, once, at the end.
"""

from __future__ import annotations

from jobs.synthetic.answers.calendars import dim_calendar_wd, dim_department
from jobs.synthetic.answers.economy import enterprise_360, enterprise_coverage, industry_monthly, macro_economy_monthly
from jobs.synthetic.answers.facts import Facts
from jobs.synthetic.answers.ground import community_monthly, parcel_use
from jobs.synthetic.answers.operations import (
    citizen_service_monthly,
    road_traffic_hourly,
    sensor_hourly,
    urban_ops_daily,
)
from jobs.synthetic.answers.registers import dim_enterprise, dim_parcel, entity_link

TABLES = (
    dim_department, dim_calendar_wd, dim_enterprise, dim_parcel, entity_link, macro_economy_monthly, enterprise_360,
    enterprise_coverage, industry_monthly, parcel_use, community_monthly, sensor_hourly, urban_ops_daily, road_traffic_hourly,
    citizen_service_monthly,
)  # fmt: skip

__all__ = ["TABLES", "Facts"]
